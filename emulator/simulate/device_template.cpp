#include "emulator/simulate/device_template.h"

#include <initializer_list>
#include <vector>

#include "emulator/simulate/pattern.h"
#include "protocol/text/nearest_name.h"

namespace iothub::simulate {
namespace {

using hub::Json;

constexpr double kLongest = 365.0 * 24 * 3600;

struct Wrong {
  std::string pointer;
  std::string what;
};

/// The object's member names are among those known; null where it is absent.
const Json* object_at(const Json& parent, const std::string& pointer, const char* name,
                      std::initializer_list<std::string_view> known) {
  const auto found = parent.find(name);
  if (found == parent.end()) return nullptr;
  const std::string here = pointer + "/" + name;
  if (!found->is_object()) throw Wrong{here, "it has to be an object"};
  for (const auto& [member, value] : found->items()) {
    const std::vector<std::string_view> names(known);
    if (names.empty() || std::find(names.begin(), names.end(), member) != names.end()) continue;
    throw Wrong{here + "/" + seed::pointer_step(member), "there is no member '" + member + "': the nearest one is '" +
                                                             std::string(text::nearest_name(member, names)) + "'"};
  }
  return &*found;
}

Json pattern_at(const Json& parent, const std::string& pointer, const char* name, Json otherwise) {
  const auto found = parent.find(name);
  if (found == parent.end()) return otherwise;
  if (const auto wrong = check_pattern(*found)) throw Wrong{pointer + "/" + name + wrong->pointer, wrong->what};
  return *found;
}

double number_at(const Json& parent, const std::string& pointer, const char* name, double least, double most,
                 double otherwise) {
  const auto found = parent.find(name);
  if (found == parent.end()) return otherwise;
  if (!found->is_number() || found->get<double>() < least || found->get<double>() > most) {
    throw Wrong{pointer + "/" + name, "it has to be a number from " + Json(least).dump() + " to " + Json(most).dump()};
  }
  return found->get<double>();
}

DeviceTemplate read(const Json& document) {
  DeviceTemplate result;
  const Json whole = {{"template", document}};
  const Json& root = *object_at(whole, {}, "template", {"telemetry", "reported", "methods", "offline"});
  if (const Json* telemetry = object_at(root, {}, "telemetry", {"body", "properties"})) {
    result.body = pattern_at(*telemetry, "/telemetry", "body", Json::object());
    result.properties = pattern_at(*telemetry, "/telemetry", "properties", Json::object());
    if (!result.properties.is_object()) throw Wrong{"/telemetry/properties", "it has to be an object"};
  }
  if (const Json* reported = object_at(root, {}, "reported", {"every", "values"})) {
    result.reported_every = DeviceTemplate::Seconds(number_at(*reported, "/reported", "every", 0, kLongest, 0));
    result.reported = pattern_at(*reported, "/reported", "values", Json::object());
    if (!result.reported.is_object()) throw Wrong{"/reported/values", "it has to be an object"};
  }
  if (const Json* methods = object_at(root, {}, "methods", {})) {
    for (const auto& [name, ignored] : methods->items()) {
      const std::string here = "/methods/" + seed::pointer_step(name);
      const Json& json = *object_at(*methods, "/methods", name.c_str(), {"status", "delay", "payload"});
      DeviceTemplate::Method method;
      method.status = static_cast<int>(number_at(json, here, "status", 0, 2'147'483'647, 200));
      method.delay = DeviceTemplate::Seconds(number_at(json, here, "delay", 0, 300, 0));
      method.payload = pattern_at(json, here, "payload", Json::object());
      result.methods[name] = std::move(method);
    }
  }
  if (const Json* offline = object_at(root, {}, "offline", {"every", "for"})) {
    result.offline_every = DeviceTemplate::Seconds(number_at(*offline, "/offline", "every", 0.1, kLongest, 60));
    result.offline_for = DeviceTemplate::Seconds(number_at(*offline, "/offline", "for", 0, kLongest, 5));
  }
  return result;
}

}  // namespace

seed::Result<DeviceTemplate> parse_template(std::string_view text, std::string file) {
  const seed::Result<seed::Document> document = seed::read_document(text, std::move(file));
  if (!document) return document.error();
  return parse_template(*document);
}

seed::Result<DeviceTemplate> parse_template(const seed::Document& document) {
  try {
    return read(document.value);
  } catch (Wrong& wrong) {
    if (wrong.pointer.starts_with("/template")) wrong.pointer.erase(0, std::string_view("/template").size());
    return document.error(wrong.pointer, wrong.what);
  }
}

}  // namespace iothub::simulate
