#include <algorithm>
#include <array>
#include <optional>

#include "emulator/heads/rest/call.h"
#include "emulator/heads/rest/operations.h"
#include "emulator/hub/fault_injection.h"
#include "emulator/hub/limits.h"
#include "protocol/text/ascii.h"
#include "protocol/text/base64.h"

namespace iothub::heads::rest {
namespace {

using hub::Json;

struct SystemHeader {
  std::string_view header;
  std::string_view name;  ///< the service's
};
// rest.md 4. iothub-ack is no system property of a device's message: it goes with the application's, as over MQTT.
constexpr std::array kSystemHeaders{
    SystemHeader{"iothub-messageid", "message-id"},
    SystemHeader{"iothub-correlationid", "correlation-id"},
    SystemHeader{"iothub-userid", "user-id"},
    SystemHeader{"iothub-to", "to"},
    SystemHeader{"iothub-expiry", "absolute-expiry-time"},
    SystemHeader{"iothub-contenttype", "content-type"},
    SystemHeader{"iothub-contentencoding", "content-encoding"},
    SystemHeader{"iothub-messageschema", "iothub-message-schema"},
    SystemHeader{"iothub-creationtimeutc", "creation-time"},
    SystemHeader{"iothub-interface-id", "iothub-interface-id"},
    SystemHeader{"dt-subject", "dt-subject"},
};

constexpr std::string_view kApplicationPrefix = "iothub-app-";
constexpr std::string_view kAck = "iothub-ack";
constexpr std::string_view kBatchContentType = "application/vnd.microsoft.iothub.json";

/// One header, or one member of a batch entry's `properties`. All others belong to HTTP or say what the path says.
void add_property(hub::Telemetry& telemetry, std::string_view name, std::string value) {
  if (text::equals_ignoring_case(name.substr(0, kApplicationPrefix.size()), kApplicationPrefix)) {
    telemetry.properties.emplace_back(name.substr(kApplicationPrefix.size()), std::move(value));
  } else if (text::equals_ignoring_case(name, kAck)) {
    telemetry.properties.emplace_back(kAck, std::move(value));
  } else {
    const auto known = std::find_if(kSystemHeaders.begin(), kSystemHeaders.end(), [&](const SystemHeader& system) {
      return text::equals_ignoring_case(system.header, name);
    });
    if (known != kSystemHeaders.end()) telemetry.system_properties.emplace_back(known->name, std::move(value));
  }
}

bool is_batch(const http::Request& request) {
  std::string_view type = http::find(request.headers, "Content-Type").value_or("");
  type = type.substr(0, type.find(';'));
  while (type.ends_with(' ')) type.remove_suffix(1);
  return text::equals_ignoring_case(type, kBatchContentType);
}

hub::Telemetry single(const http::Request& request) {
  hub::Telemetry telemetry;
  for (const http::Header& header : request.headers) add_property(telemetry, header.name, header.value);
  telemetry.body = request.body;
  return telemetry;
}

/// `{"body":"..","base64Encoded":true,"properties":{"iothub-app-x":"v"}}`; `decoded` gets the bytes that the
/// telemetry's body shows.
hub::Result<hub::Telemetry> batch_entry(const Json& entry, std::string& decoded) {
  if (!entry.is_object()) return hub::bad_request("an entry of the batch is no object");
  hub::Telemetry telemetry;
  bool is_base64 = true;
  const Json* body = nullptr;
  for (const auto& [name, value] : entry.items()) {
    if (text::equals_ignoring_case(name, "body")) {
      if (!value.is_string()) return hub::bad_request("body of an entry of the batch is no string");
      body = &value;
    } else if (text::equals_ignoring_case(name, "base64Encoded")) {
      if (!value.is_boolean()) return hub::bad_request("base64Encoded of an entry of the batch is no boolean");
      is_base64 = value.get<bool>();
    } else if (text::equals_ignoring_case(name, "properties")) {
      if (value.is_null()) continue;  // C# writes what it does not have as null
      if (!value.is_object()) return hub::bad_request("properties of an entry of the batch are no object");
      for (const auto& [property, text] : value.items()) {
        if (!text.is_string()) return hub::bad_request("property '" + property + "' of the batch is no string");
        add_property(telemetry, property, text.get<std::string>());
      }
    }
  }
  if (body == nullptr) return hub::bad_request("an entry of the batch has no body");
  if (is_base64) {
    std::optional<std::string> bytes = text::base64_decode_text(body->get_ref<const std::string&>());
    if (!bytes) return hub::bad_request("body of an entry of the batch is no base64");
    decoded = std::move(*bytes);
  } else {
    decoded = body->get<std::string>();
  }
  telemetry.body = decoded;
  return telemetry;
}

hub::Result<void> append_batch(Call& call) {
  const std::size_t size = call.request().body.size();
  if (size > hub::kMaxTelemetryBytes) return hub::message_too_large(size, hub::kMaxTelemetryBytes);
  const hub::Result<Json> entries = call.json_body();
  if (!entries) return entries.error();
  if (!entries->is_array()) return hub::bad_request("the batch is no array");

  std::vector<std::string> bodies(entries->size());
  std::vector<hub::Telemetry> batch;
  batch.reserve(entries->size());
  for (const Json& entry : *entries) {
    hub::Result<hub::Telemetry> telemetry = batch_entry(entry, bodies[batch.size()]);
    if (!telemetry) return telemetry.error();
    batch.push_back(std::move(*telemetry));
  }
  return call.hub().events().append_batch(call.device(), batch);
}

/// A fault that the message asks for is met with its refusal, as is what the device sends until the fault has passed
/// (fault-injection.md 2).
hub::Result<void> append_single(Call& call) {
  const hub::Telemetry telemetry = single(call.request());
  hub::Hub& hub = call.hub();
  const hub::Identity& device = call.device().identity;
  if (hub.fault_injection()) {
    const hub::Result<std::optional<hub::Fault>> fault = hub::fault_of(telemetry.properties);
    if (!fault) return fault.error();
    if (*fault) {
      const auto refusal = hub::refusal_of((*fault)->type);
      if (!refusal) return hub::bad_request(std::string(name_of((*fault)->type)) + " is a fault of another transport");
      const Timestamp now = hub.clock().now();
      hub.faults().stand(device, (*fault)->type, now, now.plus_seconds(((*fault)->delay + (*fault)->duration).count()));
      return *refusal;
    }
  }
  return hub.events().append(call.device(), telemetry);
}

}  // namespace

void send_telemetry(Call& call) {
  const hub::Result<void> stands = call.hub().faults().admit(call.device().identity);
  if (!stands) return call.refuse(stands.error());
  const hub::Result<void> appended = is_batch(call.request()) ? append_batch(call) : append_single(call);
  if (!appended) return call.refuse(appended.error());
  call.answer_no_content();
}

}  // namespace iothub::heads::rest
