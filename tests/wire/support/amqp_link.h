#pragma once
/// One AMQP connection of a case, written and read in notation (support/amqp_notation.h).
#include <string>
#include <string_view>

#include "tests/wire/support/amqp_notation.h"
#include "tests/wire/support/emulator_process.h"
#include "tests/wire/support/service_client.h"
#include "tests/wire/support/wire_client.h"

namespace iothub::test {

/// An open of a client that names its hub and no more.
inline constexpr std::string_view kOpen = R"([0 open ("client" "localhost")])";
/// The hub's: its largest frame 65536, its last channel 8191, 240000 ms of idle time.
inline constexpr std::string_view kOpened =
    R"([0 open ("iothub-emulator" - 70 00010000 60 1fff 70 0003a980 - - - - -)])";
/// Next-outgoing-id 0 and windows of 65535 frames.
inline constexpr std::string_view kBegin = "[0 begin (- 43 70 0000ffff 70 0000ffff)]";
/// To it: a window of 64 frames of the largest size in, any number out, handles up to 8191.
inline constexpr std::string_view kBegun = "[0 begin (60 0000 43 52 40 70 7fffffff 70 00001fff - - -)]";

/// The tag of the hub's so-and-so-many-th delivery of a connection, where the peer settles none: a count in eight
/// bytes.
std::string hub_tag(int count);

/// All expectations are doctest checks; the case ends where a frame does not come at all.
class AmqpLink {
 public:
  enum class Over { tls, plain, websocket };

  /// Connects and sends nothing of AMQP. `path` is the WebSocket's.
  AmqpLink(const EmulatorProcess& emulator, Names names, Over over = Over::tls,
           std::string_view path = "/$iothub/websocket");

  void send(std::string_view notation) { send_bytes(amqp_bytes(notation, names_)); }
  void send_bytes(std::string_view bytes);
  /// The next frames and headers are these; `?name` takes any value, which `{name}` then stands for. An error object's
  /// tracking id and time are each written `..`.
  void expect(std::string_view notation);
  void exchange(std::string_view out, std::string_view in);
  /// Nothing comes for a while, and the link stays open.
  void expect_silence();
  /// The emulator closes, without another byte.
  void expect_closed();
  /// The next frame or header, whole; less when none comes.
  std::string read_frame();

  /// The headers, open, and begin on channel 0: as the SDKs with their token in `$cbs`, which have no SASL layer.
  void open();
  /// A sender to `$cbs` and a receiver of its answers, handles 0 and 1 of a session of their own, channel 1, as .NET
  /// has them. open() was before.
  void attach_cbs();
  /// attach_cbs(), and a token that is accepted.
  void put_token(const std::string& token);

  WireClient& client() { return client_; }
  Names& names() { return names_; }

 private:
  std::string read(std::size_t count);

  Names names_;
  Over over_;
  WireClient client_;
  std::string unframed_;  ///< what WebSocket frames held
};

/// In a device's cases: `{d}`, `{m}`, `{sas}` a good token of it, `{owner}` one of the policy
/// iothubowner.
Names amqp_names(const ServiceClient& service, const Login& login);

}  // namespace iothub::test
