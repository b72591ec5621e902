#include "tests/wire/support/c2d_sender.h"

#include <proton/connection.h>
#include <proton/connection_driver.h>
#include <proton/delivery.h>
#include <proton/link.h>
#include <proton/message.h>
#include <proton/session.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "tests/wire/support/patience.h"
#include "tests/wire/support/wire_client.h"

namespace iothub::test {
namespace {

using Encoded = std::string;
using MessagePtr = std::unique_ptr<pn_message_t, decltype([](pn_message_t* message) { pn_message_free(message); })>;

pn_bytes_t view(std::string_view text) {
  return pn_bytes(text.size(), text.data());
}

/// The value of a string property, as both ends of a map's entry.
void put(pn_data_t* map, std::string_view key, std::string_view value) {
  pn_data_put_string(map, view(key));
  pn_data_put_string(map, view(value));
}

Encoded encode(pn_message_t* message) {
  Encoded bytes(4096, '\0');
  std::size_t size = bytes.size();
  if (pn_message_encode(message, bytes.data(), &size) != 0) throw std::runtime_error("a message is not encoded");
  bytes.resize(size);
  return bytes;
}

Encoded put_token(const std::string& token) {
  const MessagePtr message(pn_message());
  pn_data_put_string(pn_message_id(message.get()), view("put-token"));
  pn_message_set_address(message.get(), "$cbs");
  pn_message_set_reply_to(message.get(), "cbs");
  pn_data_t* const properties = pn_message_properties(message.get());
  pn_data_put_map(properties);
  pn_data_enter(properties);
  put(properties, "operation", "put-token");
  put(properties, "type", "servicebus.windows.net:sastoken");
  put(properties, "name", "localhost");
  pn_data_exit(properties);
  pn_data_put_string(pn_message_body(message.get()), view(token));
  return encode(message.get());
}

Encoded devicebound(const Login& to, const C2dSender::Message& said) {
  const MessagePtr message(pn_message());
  const std::string address =
      "/devices/" + to.device + (to.module.empty() ? "" : "/modules/" + to.module) + "/messages/devicebound";
  pn_message_set_address(message.get(), address.c_str());
  if (!said.id.empty()) pn_data_put_string(pn_message_id(message.get()), view(said.id));
  if (!said.correlation_id.empty()) {
    pn_data_put_string(pn_message_correlation_id(message.get()), view(said.correlation_id));
  }
  pn_data_t* const properties = pn_message_properties(message.get());
  pn_data_put_map(properties);
  pn_data_enter(properties);
  for (const auto& [name, value] : said.properties) put(properties, name, value);
  pn_data_exit(properties);
  pn_message_set_inferred(message.get(), true);  // a data section
  pn_data_put_binary(pn_message_body(message.get()), view(said.body));
  return encode(message.get());
}

}  // namespace

struct C2dSender::Connection {
  explicit Connection(const EmulatorProcess& emulator)
      : stream(emulator.port("amqps"), Carrier::tls13, emulator.ca_file()) {
    pn_connection_driver_init(&driver, nullptr, nullptr);
    pn_connection_set_container(driver.connection, "c2d-sender");
    pn_connection_set_hostname(driver.connection, "localhost");
    pn_connection_open(driver.connection);
    session = pn_session(driver.connection);
    pn_session_open(session);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() { pn_connection_driver_destroy(&driver); }

  pn_link_t* sender(const char* address) {
    pn_link_t* const link = pn_sender(session, address);
    pn_terminus_set_address(pn_link_target(link), address);
    pn_link_open(link);
    return link;
  }

  /// Moves bytes both ways until it holds.
  template <typename Condition>
  void run_until(Condition condition, const char* what) {
    for (const Deadline deadline; !condition();) {
      while (pn_connection_driver_next_event(&driver) != nullptr) {
      }
      const pn_bytes_t out = pn_connection_driver_write_buffer(&driver);
      if (out.size > 0) {
        stream.send({out.start, out.size});
        pn_connection_driver_write_done(&driver, out.size);
        continue;
      }
      const std::string in = stream.read_available();
      for (std::size_t taken = 0; taken < in.size();) {
        const pn_rwbytes_t room = pn_connection_driver_read_buffer(&driver);
        const std::size_t count = std::min(room.size, in.size() - taken);
        if (count == 0) throw std::runtime_error("the engine takes no more bytes");
        std::memcpy(room.start, in.data() + taken, count);
        pn_connection_driver_read_done(&driver, count);
        while (pn_connection_driver_next_event(&driver) != nullptr) {
        }
        taken += count;
      }
      if (!in.empty()) continue;
      if (stream.closed() || deadline.passed()) throw std::runtime_error(std::string(what) + " does not come");
      (void)stream.is_silent(std::chrono::milliseconds{50});
    }
  }

  /// Until the other end has settled it.
  void send(pn_link_t* link, const Encoded& message) {
    run_until([&] { return pn_link_credit(link) > 0; }, "credit");
    const std::string tag = std::to_string(++sent);
    pn_delivery_t* const delivery = pn_delivery(link, pn_dtag(tag.data(), tag.size()));
    pn_link_send(link, message.data(), message.size());
    pn_link_advance(link);
    run_until([&] { return pn_delivery_remote_state(delivery) != 0 || pn_delivery_settled(delivery); }, "an outcome");
    const bool accepted = pn_delivery_remote_state(delivery) == PN_ACCEPTED;
    pn_delivery_settle(delivery);
    if (!accepted) throw std::runtime_error("the message is not accepted");
  }

  pn_connection_driver_t driver{};
  WireClient stream;
  pn_session_t* session = nullptr;
  pn_link_t* devicebound = nullptr;
  int sent = 0;
};

C2dSender::C2dSender(const EmulatorProcess& emulator, const ServiceClient& service)
    : connection_(std::make_unique<Connection>(emulator)) {
  pn_link_t* const answers = pn_receiver(connection_->session, "cbs-answers");
  pn_terminus_set_address(pn_link_source(answers), "$cbs");
  pn_link_open(answers);
  pn_link_flow(answers, 1);
  connection_->send(connection_->sender("$cbs"), put_token(service.authorization()));
  connection_->run_until([&] { return pn_link_queued(answers) > 0; }, "the answer to put-token");
  connection_->devicebound = connection_->sender("/messages/devicebound");
}

C2dSender::~C2dSender() = default;

void C2dSender::send(const Login& to, const Message& message) {
  connection_->send(connection_->devicebound, devicebound(to, message));
}

}  // namespace iothub::test
