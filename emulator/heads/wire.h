#pragma once
/// The protocol tap: what one connection carries, packet by packet, as a person reads it. Sessions tell it, net hands
/// it on, the control API shows it. While nobody looks it costs a session one comparison a packet.
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/hub/json.h"
#include "emulator/hub/listeners.h"

namespace iothub::hub {
class Hub;
}

namespace iothub::heads {

/// An MQTT packet or an AMQP frame. Passwords and tokens have been cut out of it.
struct WirePacket {
  bool sent = false;                       ///< by the hub; else received
  std::string name;                        ///< `PUBLISH`, `attach`
  std::size_t bytes = 0;                   ///< of the whole packet
  hub::Json fields = hub::Json::object();  ///< by the protocol's names, in its order
};

/// Told by a session that somebody looks at; must not call it back, nor its hub.
class WireTap {
 public:
  virtual ~WireTap() = default;
  virtual void packet(const WirePacket& packet) = 0;
};

/// Somebody's look at one connection; nothing is told after its end.
class WireLook {
 public:
  virtual ~WireLook() = default;
  /// What the hub does now, it does because of what this connection has sent.
  virtual bool is_handling() const = 0;
};

struct OpenConnection {
  std::string id;                 ///< `c12`, as the log has it
  std::string_view protocol;      ///< `mqtt`, `mqtt-ws`, `amqp`, `amqp-ws`
  std::string address;            ///< of the peer
  const hub::Hub* hub = nullptr;  ///< null: it has not said which
};

/// The connections of the process by MQTT and AMQP; net implements it.
class OpenConnections {
 public:
  struct Looker {
    std::function<void(const WirePacket&)> packet;
    std::function<void(std::string_view reason)> ended;  ///< may end the look
  };

  using Openings = hub::Listeners<const std::string&>;
  using Opened = Openings::Listener;

  virtual ~OpenConnections() = default;
  virtual std::vector<OpenConnection> all() const = 0;
  /// Null: there is no such connection. Packets are told in their order, those received before they are handled and
  /// those sent once they are committed.
  virtual std::unique_ptr<WireLook> look(std::string_view id, Looker looker) = 0;
  /// `told` is given each new one's id before its first packet.
  [[nodiscard]] virtual Opened on_opened(std::function<void(const std::string& id)> told) = 0;
};

/// A text without what opens a door: signatures and keys in it become `(cut)`.
std::string without_secrets(std::string_view text);

/// `{"bytes":12,"text":"{\"level\":1}"}`; `hex` for what is no text, `cut` where more follows.
hub::Json payload_preview(std::string_view payload);

/// `0A FF`
std::string hex_text(std::string_view bytes);

}  // namespace iothub::heads
