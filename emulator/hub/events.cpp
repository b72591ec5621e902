#include "emulator/hub/events.h"

#include "emulator/hub/json.h"
#include "emulator/hub/limits.h"
#include "emulator/hub/links.h"
#include "protocol/text/fnv.h"
#include "storage/store.h"

namespace iothub::hub {
namespace {

std::string object_text(const Telemetry::Properties& properties) {
  if (properties.empty()) return {};
  Json object = Json::object();
  for (const auto& [name, value] : properties) object[name] = value;
  return dump(object);
}

std::string pairs_text(const Telemetry::Properties& properties) {
  if (properties.empty()) return {};
  Json pairs = Json::array();
  for (const auto& [name, value] : properties) pairs.push_back(Json::array({name, value}));
  return dump(pairs);
}

/// Documentation: Create and read IoT Hub messages: the body, the values of system properties, names and values of the
/// rest.
std::size_t size_of(const Telemetry& telemetry) {
  std::size_t size = telemetry.body.size();
  for (const auto& [name, value] : telemetry.system_properties) size += value.size();
  for (const auto& [name, value] : telemetry.properties) size += name.size() + value.size();
  return size;
}

}  // namespace

Events::Events(storage::Store& store, Links& links, const Clock& clock) : store_(store), links_(links), clock_(clock) {}

int Events::partition_of(const DeviceId& device) const {
  return static_cast<int>(text::fnv1a(device.value) % static_cast<std::uint64_t>(store_.partition_count()));
}

Result<void> Events::append(const DevicePrincipal& from, const Telemetry& telemetry) {
  return append_batch(from, {&telemetry, 1});
}

Result<void> Events::append_batch(const DevicePrincipal& from, std::span<const Telemetry> batch) {
  std::vector<storage::EventRow> rows;
  rows.reserve(batch.size());
  for (const Telemetry& telemetry : batch) {
    const std::size_t size = size_of(telemetry);
    if (size > kMaxTelemetryBytes) return message_too_large(size, kMaxTelemetryBytes);
    storage::EventRow& row = rows.emplace_back();
    try {
      row.system_properties = object_text(telemetry.system_properties);
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
  links_.touch(from.identity);
  for (const storage::EventRow& row : rows) store_.append_event(partition_of(from.identity.device), row);
  return {};
}

}  // namespace iothub::hub
