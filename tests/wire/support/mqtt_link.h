#pragma once
/// One MQTT connection of a case, written and read in notation (support/notation.h).
#include <optional>
#include <string>
#include <string_view>

#include "tests/wire/support/emulator_process.h"
#include "tests/wire/support/notation.h"
#include "tests/wire/support/service_client.h"
#include "tests/wire/support/wire_client.h"

namespace iothub::test {

/// `{d}` the device, `{m}` the module, `{id}` the client id, `{user}` a full user name, `{sas}` a good token.
Names names_of(const Login& login);

/// The user name flag, the password flag and clean session 0: what the SDKs send. Keep-alive 60 s.
inline constexpr std::string_view kConnect = R"(10 ["MQTT" 04 c0 003c "{id}" "{user}" "{sas}"])";
/// The same with clean session 1.
inline constexpr std::string_view kConnectClean = R"(10 ["MQTT" 04 c2 003c "{id}" "{user}" "{sas}"])";
inline constexpr std::string_view kAccepted = "20 02 00 00";
inline constexpr std::string_view kAcceptedSessionPresent = "20 02 01 00";
inline constexpr std::string_view kNotAuthorized = "20 02 00 05";
inline constexpr std::string_view kPingreq = "c0 00";
inline constexpr std::string_view kPingresp = "d0 00";

/// A PUBLISH that arrived.
struct Published {
  int qos = 0;
  std::string topic;
  std::string payload;
  int packet_id = 0;
};

/// All expectations are doctest checks.
class MqttLink {
 public:
  MqttLink(const EmulatorProcess& emulator, const Login& login, Carrier carrier = Carrier::tls12);

  void send(std::string_view notation) { client_.send(bytes(notation)); }
  /// The next bytes are these.
  void expect(std::string_view notation);
  void exchange(std::string_view out, std::string_view in);
  /// Connects and is accepted.
  void connect(std::string_view connect = kConnectClean, std::string_view connack = kAccepted);
  /// Nothing else has come, and the link serves: a PINGREQ's answer is the next thing.
  void expect_alive();
  /// The emulator closes, without another byte.
  void expect_closed();
  /// The next packet, which must be a PUBLISH.
  Published read_publish();

  std::string bytes(std::string_view notation) const { return wire_bytes(notation, names_); }
  WireClient& client() { return client_; }
  Names& names() { return names_; }

 private:
  Names names_;
  WireClient client_;
};

}  // namespace iothub::test
