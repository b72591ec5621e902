#include "emulator/hub/events.h"

#include "emulator/hub/consumer_groups.h"
#include "emulator/hub/json.h"
#include "emulator/hub/limits.h"
#include "emulator/hub/links.h"
#include "emulator/hub/metrics.h"
#include "emulator/hub/observer.h"
#include "emulator/hub/routing/routing.h"
#include "emulator/hub/throttle.h"
#include "emulator/hub/twins.h"
#include "protocol/text/base64.h"
#include "protocol/text/fnv.h"
#include "protocol/text/utf8.h"
#include "storage/store.h"

namespace iothub::hub {
namespace {

std::string object_text(const Telemetry::Properties& properties) {
  if (properties.empty()) return {};
  Json object = Json::object();
  for (const auto& [name, value] : properties) object[name] = value;
  return dump(object);
}

/// A message annotation on the way out (corrections.md 7), although the device sends it among the system properties.
bool is_annotation(std::string_view name) {
  return name == "dt-subject" || name == "iothub-interface-id";
}

/// Documentation: Create and read IoT Hub messages: the body, the values of system properties, names and values of the
/// rest.
std::size_t size_of(const Telemetry& telemetry) {
  std::size_t size = telemetry.body.size();
  for (const auto& [name, value] : telemetry.system_properties) size += value.size();
  for (const auto& [name, value] : telemetry.properties) size += name.size() + value.size();
  return size;
}

constexpr std::size_t kLongestToldBody = 4096;

/// Properties as they stand in a row, with a short body only: a stream of events is no place for 256 KB.
std::string telemetry_detail(const storage::EventRow& row) {
  Json detail = Json::object();
  detail["bytes"] = row.body.size();
  if (!row.properties.empty()) {
    for (const Json& pair : Json::parse(row.properties)) detail["properties"][pair[0].get<std::string>()] = pair[1];
  }
  if (!row.system_properties.empty()) detail["systemProperties"] = Json::parse(row.system_properties);
  if (row.body.size() <= kLongestToldBody) {
    if (Result<Json> body = parse_json(row.body)) {
      detail["body"] = std::move(*body);
    } else if (text::is_utf8(row.body)) {
      detail["body"] = row.body;
    } else {
      detail["bodyBase64"] = text::base64_encode(row.body);
    }
  }
  return dump(detail);
}

}  // namespace

Events::Events(storage::Store& store, TwinCache& twins, Links& links, routing::Routing& routing, Throttle& throttle,
               const Clock& clock, Observers& observers, Metrics& metrics)
    : store_(store),
      twins_(twins),
      links_(links),
      routing_(routing),
      throttle_(throttle),
      clock_(clock),
      observers_(observers),
      metrics_(metrics),
      consumer_groups_(std::make_unique<ConsumerGroups>(store)) {}

Events::~Events() = default;

int Events::partition_of(const DeviceId& device) const {
  return static_cast<int>(text::fnv1a(device.value) % static_cast<std::uint64_t>(store_.partition_count()));
}

Result<void> Events::append(const DevicePrincipal& from, const Telemetry& telemetry) {
  return append_batch(from, {&telemetry, 1});
}

Result<void> Events::append_batch(const DevicePrincipal& from, std::span<const Telemetry> batch) {
  std::string model_id;
  if (const Twin* twin = twins_.find(from.identity); twin != nullptr) model_id = twin->model_id;
  std::vector<storage::EventRow> rows;
  std::size_t bytes = 0;
  rows.reserve(batch.size());
  for (const Telemetry& telemetry : batch) {
    const std::size_t size = size_of(telemetry);
    if (size > kMaxTelemetryBytes) return message_too_large(size, kMaxTelemetryBytes);
    bytes += size;
    storage::EventRow& row = rows.emplace_back();
    try {
      Telemetry::Properties system_properties, annotations;
      for (const auto& property : telemetry.system_properties) {
        (is_annotation(property.first) ? annotations : system_properties).push_back(property);
      }
      if (!model_id.empty()) annotations.emplace_back("dt-dataschema", model_id);
      row.annotations = object_text(annotations);
      row.system_properties = object_text(system_properties);
      row.properties = pairs_text(telemetry.properties);
    } catch (const Json::type_error&) {
      return argument_invalid("a message property is not UTF-8");
    }
    row.enqueued_time = clock_.now().ticks;
    row.device_id = from.identity.device.value;
    row.module_id = from.identity.module.value;
    row.source = "Telemetry";
    row.auth_method = from.auth_method;
    row.auth_generation_id = from.generation_id;
    row.body = telemetry.body;
  }
  if (const Result<void> admitted = throttle_.admit(Operation::d2c_send); !admitted) return admitted.error();
  throttle_.charge(bytes);
  links_.touch(from.identity);
  for (storage::EventRow& row : rows) {
    metrics_.telemetry_bytes += row.body.size();
    observers_.tell(Happening::telemetry, from.identity, [&row] { return telemetry_detail(row); });
    deliver(std::move(row));
  }
  return {};
}

void Events::deliver(storage::EventRow event) {
  const int partition = partition_of({event.device_id});
  if (const std::optional<storage::EventRow> for_stream = routing_.route(std::move(event))) {
    store_.append_event(partition, *for_stream);
    appended_.tell(partition);
  }
}

}  // namespace iothub::hub
