#pragma once
/// A device, a back end or a reader of events that speaks AMQP 1.0 over TLS: the engine of the command line's client,
/// on the load generator's own sockets.
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "bench/connection.h"
#include "protocol/amqp/client.h"
#include "protocol/amqp/message.h"

namespace iothub::bench {

class AmqpClient : public Connection, private amqp::ClientHandler {
 public:
  AmqpClient(EventLoop& loop, const Endpoint& endpoint);

  /// A whole message of an open receiver.
  std::function<void(std::string_view message)> on_message;

  /// Each calls `done` once the server has agreed. A refusal throws std::runtime_error.
  void put_token(const std::string& audience, const std::string& token, std::function<void()> done);
  amqp::LinkId open_sender(const std::string& target, std::function<void()> done);
  amqp::LinkId open_receiver(const std::string& source, const std::string& selector, int credit,
                             std::function<void()> done);

  void send_message(amqp::LinkId link, const amqp::Message& message);

 private:
  void opened() override { write(); }
  void received(std::string_view bytes) override;
  void lost(const std::string& reason) override;

  void opened(amqp::LinkId link) override;
  void message(amqp::LinkId link, std::string_view bytes) override;
  void ended(amqp::LinkId link, const std::string& reason) override;

  void write();

  amqp::Client client_;
  std::map<amqp::LinkId, std::function<void()>> on_link_;
  amqp::LinkId token_answers_ = 0;
  std::function<void()> on_token_;
  bool receiving_ = false;  ///< what its callbacks ask for is written when it is over
};

}  // namespace iothub::bench
