#pragma once
/// Faults by rule (hub/fault_rules.h) on what devices and modules do over one AMQP connection.
#include <chrono>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "emulator/heads/amqp/devices.h"
#include "emulator/heads/session.h"
#include "emulator/hub/clock.h"
#include "emulator/hub/fault_rules.h"
#include "emulator/hub/hub.h"
#include "protocol/amqp/engine.h"

namespace iothub::heads::amqp_head {

class RuleFaults {
 public:
  /// All of them must outlive it.
  struct Connection {
    amqp::Engine& engine;
    Devices& devices;
    Outbox& outbox;
    const std::string& id;              ///< for the log
    std::function<void()> ended;        ///< nothing is to be sent or taken any more
    std::function<void()> has_written;  ///< the engine has something to send
  };
  /// How a device's wish ends that a rule has struck.
  struct Struck {
    std::optional<amqp::Condition> refusal;  ///< nothing: it is not answered, or later
  };

  RuleFaults(Connection connection, hub::Scheduler& scheduler);

  /// False mostly, at the cost of two comparisons: nothing is struck, or waits.
  bool may_strike(hub::Hub& hub) const { return !hub.fault_rules().all().empty() || delay_.is_set(); }
  /// The connection opens; its devices are not known yet, so rules that name one do not strike here. True: it is over,
  /// or not answered.
  bool opens(hub::Hub& hub);
  /// A device's first link on the connection, which rules that name the device strike. `attach` does what is asked.
  std::optional<Struck> attaches(hub::Hub& hub, const hub::Identity& identity, std::function<void()> attach);
  /// A device's message. True: the engine's answer() comes from here, or never.
  bool holds(hub::Hub& hub, amqp::LinkId link, amqp::DeliveryId delivery, std::string_view bytes);
  /// A device settles a cloud-to-device message. `settle` does it.
  std::optional<Struck> settles(hub::Hub& hub, const DeviceLinks& device, std::function<void()> settle);

  void clear();

 private:
  using Strike = std::function<std::optional<Struck>()>;

  /// What waits behind a delay: everything that the connection's devices ask for, in order.
  struct Waiting {
    Strike strike;  ///< when its turn comes; null for what a delay has struck
    std::function<void()> act;
  };
  /// Strikes now, or, behind a delay, when the turn comes.
  std::optional<Struck> in_turn(Strike strike, std::function<void()> act);
  std::optional<Struck> strike_message(hub::Hub& hub, amqp::LinkId link, amqp::DeliveryId delivery,
                                       const std::string& bytes);
  void handle(amqp::LinkId link, amqp::DeliveryId delivery, const std::string& bytes);
  std::optional<Struck> suffer(hub::Hub& hub, const hub::FaultRule& rule, std::function<void()> act);
  void delay(std::chrono::milliseconds time, std::function<void()> act);
  void go_on();

  const Connection connection_;
  hub::Timer delay_;
  std::deque<Waiting> waiting_;
};

}  // namespace iothub::heads::amqp_head
