#pragma once
/// The hub's end of a live connection of one device or module; a protocol session implements it.
#include <string>
#include <string_view>

#include "emulator/hub/twin.h"

namespace iothub::hub {

enum class LinkEnd {
  taken_over,  ///< the same identity connected again (400027)
  disabled,
  deleted,
  shut_down,
  reset,  ///< the control API dropped it: reset or restore
};
std::string_view to_string(LinkEnd end);

/// A direct method on its way to the device; borrowed for the call.
struct MethodRequest {
  std::string_view request_id;
  std::string_view name;
  std::string_view payload;  ///< JSON text
};

struct C2dMessage;

/// How long a message stays locked that a link has taken (C2d).
enum class C2dLock {
  timed,            ///< 60 s; then it is enqueued again, and may be pushed to the same link once more
  while_connected,  ///< until the link settles it or is gone: MQTT delivers again on the next connection only
  none,             ///< taken is completed: MQTT QoS 0
};

/// Who is at the other end.
struct LinkPeer {
  std::string_view protocol;  ///< `mqtt`, `mqtt-ws`, `amqp`, `amqp-ws`; empty: the link does not say
  std::string address;        ///< `127.0.0.1:50000`
  std::string connection{};   ///< `c12`, as the log has it
};

class DeviceLink {
 public:
  virtual ~DeviceLink() = default;
  /// Encodes and queues; must not call the hub back. Links that did not subscribe ignore it.
  virtual void desired_changed(const DesiredChange& change) = 0;
  /// Encodes and queues, as desired_changed. False: this link takes no methods (it has not subscribed).
  virtual bool invoke_method(const MethodRequest& request) = 0;
  /// Encodes and queues, as desired_changed; settled later by C2d::complete and its like, with the message's lock
  /// token. False: it takes none now (not subscribed, no credit); then the session calls C2d::deliver when it does.
  virtual bool deliver_c2d(const C2dMessage&) { return false; }
  /// Asked after deliver_c2d has taken a message.
  virtual C2dLock c2d_lock() const { return C2dLock::timed; }
  virtual LinkPeer peer() const { return {}; }
  /// Ends this identity's link; nothing more is delivered after it. The attachment may die later.
  virtual void close(LinkEnd end) = 0;
};

}  // namespace iothub::hub
