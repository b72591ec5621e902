#pragma once
/// What the control API asks of the program around the hubs: files, certificates, whole hubs. app implements it.
#include <cstddef>
#include <string>
#include <string_view>

#include "emulator/hub/errors.h"
#include "emulator/hub/ids.h"
#include "emulator/hub/json.h"

namespace iothub::hub {
class Hub;
class VirtualTime;
}  // namespace iothub::hub

namespace iothub::heads::control {

class Actions {
 public:
  virtual ~Actions() = default;

  virtual std::string version() const = 0;
  /// PEM of the certificate authority.
  virtual std::string ca_pem() const = 0;
  /// Memory of the process that is in RAM.
  virtual std::size_t resident_bytes() const = 0;
  /// `{"policies":{"iothubowner":"HostName=.."},"eventHub":"Endpoint=sb://.."}`
  virtual hub::Json connection_strings(const hub::Hub& hub) const = 0;
  virtual std::string device_connection_string(const hub::Hub& hub, const hub::Identity& identity,
                                               const std::string& key) const = 0;

  // ---- seeds ------------------------------------------------------------------------------------------------------

  /// `text` is YAML or JSON; `name` stands in messages for its file. Answers what was made.
  virtual hub::Result<hub::Json> apply_seed(hub::Hub& hub, std::string_view text, std::string_view name) = 0;
  /// A seed that applies back to the hub's state.
  virtual hub::Result<std::string> export_seed(hub::Hub& hub) = 0;
};

}  // namespace iothub::heads::control
