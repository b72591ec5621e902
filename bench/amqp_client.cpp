#include "bench/amqp_client.h"

#include <span>
#include <stdexcept>
#include <utility>

namespace iothub::bench {

AmqpClient::AmqpClient(EventLoop& loop, const Endpoint& endpoint)
    : Connection(loop, endpoint), client_(*this, endpoint.host_name, std::nullopt) {}

void AmqpClient::put_token(const std::string& audience, const std::string& token, std::function<void()> done) {
  on_token_ = std::move(done);
  amqp::Message request;
  amqp::add_string(request.application_properties, "operation", std::string("put-token"));
  amqp::add_string(request.application_properties, "type", std::string("servicebus.windows.net:sastoken"));
  amqp::add_string(request.application_properties, "name", audience);
  request.message_id = std::string("token");
  request.reply_to = "cbs";
  request.value = token;
  token_answers_ = open_receiver("$cbs", {}, 1, [this, request] {
    const amqp::LinkId requests = open_sender("$cbs", nullptr);
    on_link_[requests] = [this, requests, request] { send_message(requests, request); };
  });
}

amqp::LinkId AmqpClient::open_sender(const std::string& target, std::function<void()> done) {
  const amqp::LinkId link = client_.open_sender(target);
  on_link_[link] = std::move(done);
  write();
  return link;
}

amqp::LinkId AmqpClient::open_receiver(const std::string& source, const std::string& selector, int credit,
                                       std::function<void()> done) {
  const amqp::LinkId link = client_.open_receiver(source, selector, credit);
  on_link_[link] = std::move(done);
  write();
  return link;
}

void AmqpClient::send_message(amqp::LinkId link, const amqp::Message& message) {
  client_.send(link, amqp::encode(message));
  write();
}

void AmqpClient::received(std::string_view bytes) {
  receiving_ = true;
  client_.receive(std::as_bytes(std::span(bytes)));
  receiving_ = false;
  write();
  if (client_.finished()) fail(client_.end_reason());
}

void AmqpClient::lost(const std::string& reason) {
  throw std::runtime_error("connection lost: " + reason);
}

void AmqpClient::opened(amqp::LinkId link) {
  if (const auto done = std::exchange(on_link_[link], nullptr)) done();
}

void AmqpClient::message(amqp::LinkId link, std::string_view bytes) {
  if (link != token_answers_) {
    if (on_message) on_message(bytes);
    return;
  }
  const std::optional<amqp::Message> answer = amqp::parse_message(bytes);
  const amqp::Value* status = answer ? amqp::find(answer->application_properties, "status-code") : nullptr;
  if (status == nullptr || amqp::integer_of(*status).value_or(0) / 100 != 2) {
    throw std::runtime_error("the token was refused");
  }
  if (const auto done = std::exchange(on_token_, nullptr)) done();
}

void AmqpClient::ended(amqp::LinkId, const std::string& reason) {
  throw std::runtime_error("a link was refused or ended: " + reason);
}

void AmqpClient::write() {
  if (receiving_) return;
  std::string bytes;
  client_.write(bytes);
  send(bytes);
}

}  // namespace iothub::bench
