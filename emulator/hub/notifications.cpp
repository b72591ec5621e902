#include "emulator/hub/notifications.h"

#include <array>

#include "emulator/hub/digital_twin.h"
#include "emulator/hub/etag.h"
#include "emulator/hub/events.h"
#include "emulator/hub/json.h"
#include "emulator/hub/routing/routing.h"

namespace iothub::hub {
namespace {

constexpr const char* kTwinChange = "twinChangeEvents";
constexpr const char* kDigitalTwinChange = "digitalTwinChangeEvents";
constexpr const char* kLifecycle = "deviceLifecycleEvents";
constexpr const char* kConnectionState = "deviceConnectionStateEvents";

/// Application properties, in the order recorded for each kind of event.
class Properties {
 public:
  Properties& add(const char* name, const std::string& value) {
    pairs_.push_back(Json::array({name, value}));
    return *this;
  }
  Properties& add_module(const Identity& identity) {
    return identity.is_module() ? add("moduleId", identity.module.value) : *this;
  }
  std::string text() const { return dump(pairs_); }

 private:
  Json pairs_ = Json::array();
};

/// Of a metadata node, the part that a patch has touched.
Json touched(const Json& metadata, const Json& patch) {
  Json node = Json::object();
  for (const char* stamp : {"$lastUpdated", "$lastUpdatedVersion"}) {
    if (metadata.contains(stamp)) node[stamp] = metadata[stamp];
  }
  for (const auto& [name, member] : patch.items()) {
    const auto child = metadata.find(name);
    if (child == metadata.end()) continue;
    node[name] = member.is_object() ? touched(*child, member) : *child;
  }
  return node;
}

Json changed_section(const TwinProperties& properties, const Json& patch) {
  Json section = patch;
  section["$metadata"] = touched(properties.metadata, patch);
  section["$version"] = properties.version;
  return section;
}

Json whole_section(const TwinProperties& properties) {
  Json section = properties.values;
  section["$metadata"] = properties.metadata;
  section["$version"] = properties.version;
  return section;
}

Json whole_twin(const Identity& identity, const Twin& twin) {
  Json json = {{"deviceId", identity.device.value}};
  if (identity.is_module()) json["moduleId"] = identity.module.value;
  json["etag"] = twin_etag(twin.etag);
  json["version"] = twin.version;
  if (!twin.tags.empty()) json["tags"] = twin.tags;
  json["properties"] = {{"desired", whole_section(twin.desired)}, {"reported", whole_section(twin.reported)}};
  return json;
}

/// What changes reported properties writes an offset where the service writes `Z` (recorded both).
std::string with_offset(std::string time) {
  time.pop_back();
  return time + "+00:00";
}

std::string hex(std::uint64_t number, std::size_t digits) {
  std::string text(digits, '0');
  for (std::size_t i = digits; i > 0 && number != 0; number >>= 4) text[--i] = "0123456789ABCDEF"[number & 15];
  return text;
}

}  // namespace

Notifications::Notifications(std::string hub_name, TwinCache& twins, const routing::Routing& routing, Events& events,
                             const Clock& clock, Scheduler& scheduler, RandomSource& random)
    : hub_name_(std::move(hub_name)),
      twins_(twins),
      routing_(routing),
      events_(events),
      clock_(clock),
      random_(random),
      append_queued_(scheduler) {}

std::string Notifications::random_hex(std::size_t digits) {
  std::string text;
  for (std::size_t i = 0; i < digits; ++i) {
    std::byte byte{};
    random_.fill({&byte, 1});
    text += "0123456789abcdef"[std::to_integer<unsigned>(byte) & 15];
  }
  return text;
}

storage::EventRow Notifications::row(const Identity& identity, const char* source, std::string correlation_id,
                                     std::string body, const char* content_type) const {
  storage::EventRow row;
  row.enqueued_time = clock_.now().ticks;
  row.device_id = identity.device.value;
  row.module_id = identity.module.value;
  row.source = source;
  row.system_properties = dump({{"user-id", hub_name_},
                                {"correlation-id", std::move(correlation_id)},
                                {"content-type", content_type},
                                {"content-encoding", "utf-8"}});
  row.body = std::move(body);
  return row;
}

void Notifications::twin_updated(const Identity& identity, const TwinUpdate& update) {
  const bool as_twin = routing_.takes(kTwinChange);
  const bool as_digital_twin = routing_.takes(kDigitalTwinChange);
  const Twin* twin = as_twin || as_digital_twin ? twins_.find(identity) : nullptr;
  if (twin == nullptr) return;
  const std::string now = text::iso_time(clock_.now());
  const std::string time = update.reported != nullptr ? with_offset(now) : now;
  const std::string correlation_id = random_hex(12);  // both events of an update have the same (recorded)
  Json digital_change = Json::array();
  if (as_digital_twin && !twin->model_id.empty() && update.before != nullptr) {
    digital_change = digital_twin_change(digital_twin_document(identity.device, *update.before),
                                         digital_twin_document(identity.device, *twin));
  }
  if (as_twin) {
    Json body;
    if (update.replaced) {
      body = whole_twin(identity, *twin);
    } else {
      body["version"] = twin->version;
      if (update.tags != nullptr) body["tags"] = *update.tags;
      if (update.desired != nullptr) body["properties"]["desired"] = changed_section(twin->desired, *update.desired);
      if (update.reported != nullptr) {
        body["properties"]["reported"] = changed_section(twin->reported, *update.reported);
      }
    }
    storage::EventRow event = row(identity, kTwinChange, correlation_id, dump(body));
    event.properties = Properties()
                           .add("hubName", hub_name_)
                           .add("deviceId", identity.device.value)
                           .add("operationTimestamp", time)
                           .add_module(identity)
                           .add("iothub-message-schema", "twinChangeNotification")
                           .add("opType", update.replaced ? "replaceTwin" : "updateTwin")
                           .text();
    events_.deliver(std::move(event));
  }
  if (!digital_change.empty()) append_digital_twin_change(identity, digital_change, correlation_id, time);
}

void Notifications::append_digital_twin_change(const Identity& identity, const Json& change,
                                               const std::string& correlation_id, const std::string& time) {
  storage::EventRow event =
      row(identity, kDigitalTwinChange, correlation_id, dump(change), "application/json-patch+json");
  event.properties = Properties()
                         .add("hubName", hub_name_)
                         .add("deviceId", identity.device.value)
                         .add("operationTimestamp", time)
                         .add_module(identity)
                         .add("iothub-message-schema", "digitalTwinChangeNotification")
                         .add("opType", "updateTwin")
                         .text();
  events_.deliver(std::move(event));
}

void Notifications::lifecycle(const Identity& identity, bool created) {
  const Twin* twin = routing_.takes(kLifecycle) ? twins_.find(identity) : nullptr;
  if (twin == nullptr) return;
  storage::EventRow event = row(identity, kLifecycle, random_hex(12), dump(whole_twin(identity, *twin)));
  event.properties = Properties()
                         .add("hubName", hub_name_)
                         .add("deviceId", identity.device.value)
                         .add("operationTimestamp", text::iso_time(clock_.now()))
                         .add_module(identity)
                         .add("opType", created ? "createDeviceIdentity" : "deleteDeviceIdentity")
                         .add("iothub-message-schema", "deviceLifecycleNotification")
                         .text();
  events_.deliver(std::move(event));
}

void Notifications::queue_connection_event(const Identity& identity, const char* op_type) {
  if (!routing_.takes(kConnectionState)) return;
  // 256 bits in hex: zeros, a Windows FILETIME that is older than the event, 00000002, and a counter (recorded). The
  // time is that of this process's first event, so that numbers go on rising after a restart.
  constexpr std::int64_t kFileTimeEpoch = 504'911'232'000'000'000;
  if (!sequence_epoch_) sequence_epoch_ = clock_.now();
  const std::string number = std::string(16, '0') +
                             hex(static_cast<std::uint64_t>(sequence_epoch_->ticks - kFileTimeEpoch), 16) + "00000002" +
                             hex(++sequence_, 24);
  const std::string guid =
      random_hex(8) + "-" + random_hex(4) + "-" + random_hex(4) + "-" + random_hex(4) + "-" + random_hex(12);
  storage::EventRow event = row(identity, kConnectionState, guid, dump({{"sequenceNumber", number}}));
  event.properties = Properties()
                         .add("hubName", hub_name_)
                         .add("deviceId", identity.device.value)
                         .add_module(identity)
                         .add("opType", op_type)
                         .add("iothub-message-schema", "deviceConnectionStateNotification")
                         .add("operationTimestamp", text::iso_time(clock_.now()))
                         .text();
  queued_.push_back(std::move(event));
  if (!append_queued_.is_set()) append_queued_.set(std::chrono::milliseconds(0), [this] { append_queued(); });
}

void Notifications::append_queued() {
  while (!queued_.empty()) {
    storage::EventRow event = std::move(queued_.front());
    queued_.pop_front();
    events_.deliver(std::move(event));
  }
}

}  // namespace iothub::hub
