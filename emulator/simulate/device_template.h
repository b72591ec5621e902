#pragma once
/// What simulated devices do: the file of `simulate --template`.
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "emulator/hub/json.h"
#include "emulator/seed/located_document.h"

namespace iothub::simulate {

/// ```yaml
/// telemetry:
///   body: {temperature: {$walk: {start: 20, step: 0.5, min: 10, max: 30}}, count: {$counter: {}}}
///   properties: {level: {$choice: [normal, critical]}}
/// reported: {every: 60, values: {firmware: "1.0", uptime: {$counter: {step: 60}}}}
/// methods:
///   reboot: {status: 200, delay: 0.5, payload: {accepted: true}}
/// offline: {every: 60, for: 5}
/// ```
/// Times are seconds. All parts may be left out; without `telemetry.body` an empty object is sent.
struct DeviceTemplate {
  using Seconds = std::chrono::duration<double>;

  struct Method {
    int status = 200;
    Seconds delay{0};
    hub::Json payload = hub::Json::object();
  };

  hub::Json body = hub::Json::object();
  hub::Json properties = hub::Json::object();  ///< name -> pattern of a text, number or truth value
  hub::Json reported;                          ///< null: nothing is reported
  Seconds reported_every{0};                   ///< 0: once a connection
  std::map<std::string, Method> methods;       ///< any other is answered with 404
  Seconds offline_every{0};                    ///< 0: never
  Seconds offline_for{0};
};

/// An unknown member is refused with the nearest known one.
seed::Result<DeviceTemplate> parse_template(std::string_view text, std::string file);
/// A document, or a part of one, that was read already.
seed::Result<DeviceTemplate> parse_template(const seed::Document& document);

}  // namespace iothub::simulate
