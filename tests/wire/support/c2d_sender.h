#pragma once
/// The service's end of cloud-to-device messages: an AMQP sender on Qpid Proton's engine, as the service SDKs are one.
#include <map>
#include <memory>
#include <string>

#include "tests/wire/support/emulator_process.h"
#include "tests/wire/support/service_client.h"

namespace iothub::test {

class C2dSender {
 public:
  struct Message {
    std::string id;
    std::string correlation_id;
    std::map<std::string, std::string> properties;
    std::string body;
  };

  /// Connects, shows the token to `$cbs` and attaches. Throws std::runtime_error.
  C2dSender(const EmulatorProcess& emulator, const ServiceClient& service);
  C2dSender(const C2dSender&) = delete;
  C2dSender& operator=(const C2dSender&) = delete;
  ~C2dSender();

  /// Returns when the hub has accepted it; throws when it refuses.
  void send(const Login& to, const Message& message);

 private:
  struct Connection;
  std::unique_ptr<Connection> connection_;
};

}  // namespace iothub::test
