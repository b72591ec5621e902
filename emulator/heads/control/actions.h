#pragma once
/// What the control API asks of the program around the hubs: files, certificates, whole hubs. app implements it.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/hub/errors.h"
#include "emulator/hub/ids.h"
#include "emulator/hub/json.h"
#include "emulator/hub/reset.h"

namespace iothub::hub {
class Hub;
class VirtualTime;
}  // namespace iothub::hub

namespace iothub::heads {
class OpenConnections;
}

namespace iothub::heads::control {

/// A seed as it was sent: YAML or JSON.
struct SeedText {
  std::string name;  ///< stands in messages for its file
  std::string text;
};

/// Simulated devices that shall come.
struct SimulationStart {
  std::string prefix;  ///< they are PREFIX-1, PREFIX-2, ..
  int devices = 1;
  double rate = 1;                        ///< telemetry messages a second, of all together
  std::chrono::milliseconds duration{0};  ///< 0: until they are removed
  std::string device_template{};          ///< text of a template file; empty: the plain one
};

/// A file of the portal's page.
struct PortalFile {
  std::string name;
  std::string bytes;
  bool is_gzip = false;
};

class Actions {
 public:
  virtual ~Actions() = default;

  virtual std::string version() const = 0;
  /// PEM of the certificate authority.
  virtual std::string ca_pem() const = 0;
  /// Memory of the process that is in RAM.
  virtual std::size_t resident_bytes() const = 0;
  /// `{"policies":{"iothubowner":"HostName=.."},"eventHub":"Endpoint=sb://..","ports":{"https":443, ..}}`
  virtual hub::Json connection_strings(const hub::Hub& hub) const = 0;
  virtual std::string device_connection_string(const hub::Hub& hub, const hub::Identity& identity,
                                               const std::string& key) const = 0;

  /// `index.html` or a file it names. Nothing: there is none, or the program was built without its portal.
  virtual std::optional<PortalFile> portal_file(std::string_view name) const = 0;
  virtual hub::VirtualTime& time(const hub::Hub& hub) = 0;
  virtual OpenConnections& connections() = 0;

  // ---- the whole content: all throw storage::Error ------------------------------------------------------------------

  /// To what the hub was right after it began: the command line's consumer groups, routes and seeds are made again.
  /// 400004 when a seed is refused beside the devices that were kept.
  virtual hub::Result<void> reset_hub(hub::Hub& hub, hub::ResetLinks links) = 0;
  /// 404001.
  virtual hub::Result<void> reset_device(hub::Hub& hub, const hub::DeviceId& device, hub::ResetLinks links) = 0;
  /// Replaces an older one of that name. 400004 for a name that is none.
  virtual hub::Result<hub::Json> save_snapshot(hub::Hub& hub, const std::string& name) = 0;
  /// All of the process, by name.
  virtual hub::Json snapshots() const = 0;
  /// In place: links and readers of the hub are closed. 404000.
  virtual hub::Result<void> restore_snapshot(hub::Hub& hub, const std::string& name) = 0;
  /// 404000.
  virtual hub::Result<void> remove_snapshot(const std::string& name) = 0;

  // ---- more hubs --------------------------------------------------------------------------------------------------

  /// `{"hubs":[{"name":"localhost","default":true, ..}]}`
  virtual hub::Json hubs() = 0;
  /// A hub in memory; an empty name means the next free 127.0.0.N. `snapshot` is what it begins with, empty: nothing.
  /// Answers its connection strings. 400004, 404000 (snapshot), 409001 (name in use).
  virtual hub::Result<hub::Json> add_hub(const std::string& name, const std::string& snapshot) = 0;
  /// 404000; 400004 for the default hub. What it still serves is cut, and it is gone soon after.
  virtual hub::Result<void> remove_hub(const std::string& name) = 0;

  // ---- simulated devices ------------------------------------------------------------------------------------------

  /// Makes the devices that are missing, and connects them. 400004 for the template and for devices without a key,
  /// 409001 when devices of the prefix are simulated already.
  virtual hub::Result<hub::Json> start_simulation(hub::Hub& hub, const SimulationStart& start) = 0;
  /// `{"simulations":[{"id":1,"state":"running", ..}]}`
  virtual hub::Json simulations(const hub::Hub& hub) = 0;
  /// They leave; the hub keeps them as devices. 404000.
  virtual hub::Result<void> remove_simulation(const hub::Hub& hub, std::int64_t id) = 0;

  // ---- seeds ------------------------------------------------------------------------------------------------------

  /// In their order and as one; hubs that they name are made where they are missing. `{"changes":["device d:
  /// created"]}` 400004 with file, line and place of what is wrong: nothing has changed then.
  virtual hub::Result<hub::Json> apply_seeds(hub::Hub& hub, const std::vector<SeedText>& seeds) = 0;
  /// What apply_seeds() would answer; it changes nothing.
  virtual hub::Result<hub::Json> diff_seeds(hub::Hub& hub, const std::vector<SeedText>& seeds) = 0;
  /// A seed that applies back to the hub's state.
  virtual hub::Result<std::string> export_seed(hub::Hub& hub) = 0;
};

}  // namespace iothub::heads::control
