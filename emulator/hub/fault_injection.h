#pragma once
/// Faults that a device asks for on its own connection, as the end-to-end suites of Microsoft's SDKs do: an ordinary
/// telemetry message with `AzIoTHub_Fault...` application properties (fault-injection.md). Only special hubs of the
/// service obey them; ours does with `--fault-injection`.
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "emulator/hub/clock.h"
#include "emulator/hub/errors.h"
#include "emulator/hub/events.h"

namespace iothub::hub {

enum class FaultType : std::uint8_t {
  kill_tcp,
  kill_amqp_connection,
  kill_amqp_session,
  kill_amqp_cbs_link_request,
  kill_amqp_cbs_link_response,
  kill_amqp_d2c_link,
  kill_amqp_c2d_link,
  kill_amqp_twin_link_request,
  kill_amqp_twin_link_response,
  kill_amqp_method_link_request,
  kill_amqp_method_link_response,
  shut_down_amqp,
  shut_down_mqtt,
  invoke_throttling,
  invoke_max_message_quota,
  invoke_auth_error,
};
/// `KillTcp`: as the SDKs write it.
std::string_view name_of(FaultType type);

struct Fault {
  FaultType type{};
  std::string reason;                ///< what a close or a detach says
  std::chrono::seconds delay{0};     ///< before the fault
  std::chrono::seconds duration{0};  ///< how long Invoke... faults last
};

/// The longest delay and duration that are taken (Java asks for 100,000 s).
inline constexpr std::chrono::seconds kMaxFaultTime{1'000'000};

/// The fault a message asks for; nothing when it is ordinary telemetry. Refuses (400004) an unknown type and a time
/// that is no number: a test would otherwise wait for a fault that never comes. Types are compared without case.
Result<std::optional<Fault>> fault_of(const Telemetry::Properties& properties);

/// What an Invoke... fault refuses telemetry with (429001, 403002, 401002); nothing for the others.
std::optional<HubError> refusal_of(FaultType type);

/// The Invoke... faults that stand: while one does, the device's telemetry is refused on the transports that can say so
/// (HTTP, AMQP).
class Faults {
 public:
  explicit Faults(const Clock& clock) : clock_(clock) {}
  Faults(const Faults&) = delete;
  Faults& operator=(const Faults&) = delete;

  /// Replaces an earlier one of the same device.
  void stand(const Identity& identity, FaultType type, Timestamp from, Timestamp until);
  /// Refuses with refusal_of() while a fault stands.
  Result<void> admit(const Identity& identity);

 private:
  struct Standing {
    FaultType type{};
    Timestamp from;
    Timestamp until;
  };
  const Clock& clock_;
  std::unordered_map<Identity, Standing, IdentityHash> standing_;
};

}  // namespace iothub::hub
