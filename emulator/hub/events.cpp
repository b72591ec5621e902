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
  const std::size_t size = size_of(telemetry);
  if (size > kMaxTelemetryBytes) return message_too_large(size, kMaxTelemetryBytes);
  storage::EventRow row;
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
  links_.touch(from.identity);
  const int partition = partition_of(from.identity.device);
  store_.append_event(partition, row);
  tell_appended(partition);
  return {};
}

void Events::tell_appended(int partition) const {
  for (const auto& [id, appended] : listeners_) appended(partition);
}

Events::Listener Events::on_appended(std::function<void(int)> appended) {
  listeners_[++last_listener_] = std::move(appended);
  return Listener(*this, last_listener_);
}

Events::Listener::Listener(Listener&& other) noexcept
    : events_(std::exchange(other.events_, nullptr)), id_(other.id_) {}

Events::Listener& Events::Listener::operator=(Listener&& other) noexcept {
  if (this != &other) {
    stop();
    events_ = std::exchange(other.events_, nullptr);
    id_ = other.id_;
  }
  return *this;
}

void Events::Listener::stop() {
  if (Events* events = std::exchange(events_, nullptr)) events->listeners_.erase(id_);
}

}  // namespace iothub::hub
