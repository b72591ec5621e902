#include "emulator/hub/routing/route_message.h"

#include <cstdint>

#include "emulator/hub/twin.h"
#include "protocol/text/ascii.h"
#include "protocol/text/timestamp.h"

namespace iothub::hub::routing {
namespace {

using query::Path;
using query::Undefined;
using query::Value;

/// Routing's names of what is stored under AMQP's.
struct SystemName {
  std::string_view routing;
  std::string_view stored;
};
constexpr SystemName kSystemNames[] = {
    {"contentType", "content-type"},
    {"contentEncoding", "content-encoding"},
    {"messageId", "message-id"},
    {"correlationId", "correlation-id"},
    {"userId", "user-id"},
    {"creationTimeUtc", "creation-time"},
    {"to", "to"},
    {"absoluteExpiryTime", "absolute-expiry-time"},
    {"outputName", "output-name"},
};

bool is(std::string_view a, std::string_view b) {
  return text::equals_ignoring_case(a, b);
}

Value non_empty(const std::string& text) {
  return text.empty() ? Value(Undefined{}) : Value(text);
}

const std::string* name_at(const Path& path, std::size_t step) {
  return step < path.steps.size() ? std::get_if<std::string>(&path.steps[step]) : nullptr;
}

void append_utf8(std::string& out, std::uint32_t code) {
  const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (code < 0x80) return put(code);
  if (code < 0x800) return put(0xC0 | code >> 6), put(0x80 | (code & 0x3F));
  if (code >= 0x10000) {
    put(0xF0 | code >> 18), put(0x80 | (code >> 12 & 0x3F));
  } else {
    put(0xE0 | code >> 12);
  }
  put(0x80 | (code >> 6 & 0x3F)), put(0x80 | (code & 0x3F));
}

/// UTF-16 or UTF-32 as UTF-8, little-endian unless a byte order mark says otherwise; nothing when it is malformed.
std::optional<std::string> to_utf8(std::string_view bytes, std::size_t unit) {
  if (bytes.size() % unit != 0) return std::nullopt;
  bool big = false;
  const auto read = [&](std::size_t at) {
    std::uint32_t code = 0;
    for (std::size_t i = 0; i < unit; ++i) {
      code = code << 8 | static_cast<unsigned char>(bytes[at + (big ? i : unit - 1 - i)]);
    }
    return code;
  };
  std::size_t here = 0;
  if (!bytes.empty()) {
    if (read(0) == 0xFEFF) {
      here = unit;
    } else if (big = true; read(0) == 0xFEFF) {
      here = unit;
    } else {
      big = false;
    }
  }
  std::string out;
  for (; here < bytes.size(); here += unit) {
    std::uint32_t code = read(here);
    if (unit == 2 && code >= 0xD800 && code < 0xDC00 && here + unit < bytes.size()) {
      const std::uint32_t low = read(here + unit);
      if (low < 0xDC00 || low > 0xDFFF) return std::nullopt;
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
      here += unit;
    } else if ((code >= 0xD800 && code <= 0xDFFF) || code > 0x10FFFF) {
      return std::nullopt;
    }
    append_utf8(out, code);
  }
  return out;
}

}  // namespace

std::string_view routing_name(std::string_view stored) {
  for (const SystemName& row : kSystemNames) {
    if (row.stored == stored) return row.routing;
  }
  return stored;
}

std::string_view stored_name(std::string_view routing) {
  for (const SystemName& row : kSystemNames) {
    if (is(row.routing, routing)) return row.stored;
  }
  return routing;
}

Value RouteMessage::stored_property(const std::string& column, std::string_view name) const {
  if (column.empty()) return Undefined{};
  const Json members = Json::parse(column);
  for (const auto& [key, value] : members.items()) {
    if (is(key, name)) return value.get<std::string>();
  }
  return Undefined{};
}

Value RouteMessage::application_property(std::string_view name) const {
  if (event_.properties.empty()) return Undefined{};
  const Json pairs = Json::parse(event_.properties);
  for (const Json& pair : pairs) {
    if (is(pair[0].get_ref<const std::string&>(), name)) return pair[1].get<std::string>();
  }
  return Undefined{};
}

Value RouteMessage::system_property(std::string_view name) const {
  if (is(name, "connectionDeviceId") || is(name, "iothub-connection-device-id")) return event_.device_id;
  if (is(name, "connectionModuleId") || is(name, "iothub-connection-module-id")) return non_empty(event_.module_id);
  if (is(name, "connectionDeviceGenerationId")) return non_empty(event_.auth_generation_id);
  if (is(name, "connectionAuthMethod")) return non_empty(event_.auth_method);
  if (is(name, "enqueuedTime") || is(name, "iothub-enqueuedtime")) return text::iso_time({event_.enqueued_time});
  if (is(name, "iothub-message-source")) return event_.source;
  for (const SystemName& row : kSystemNames) {
    if (is(name, row.routing)) return stored_property(event_.system_properties, row.stored);
  }
  const Value annotation = stored_property(event_.annotations, name);
  return annotation == Value(Undefined{}) ? stored_property(event_.system_properties, name) : annotation;
}

std::string RouteMessage::text_of_system_property(std::string_view name) const {
  const Value value = system_property(name);
  const std::string* text = std::get_if<std::string>(&value);
  return text == nullptr ? std::string() : *text;
}

const Json* RouteMessage::body() const {
  if (!body_read_) {
    body_read_ = true;
    const std::string type = text::lower(text_of_system_property("contentType"));
    const std::string encoding = text::lower(text_of_system_property("contentEncoding"));
    const std::string media = type.substr(0, type.find(';'));
    const bool charset_is_utf8 = type.find("charset=utf-8") != std::string::npos;
    std::optional<std::string> text;
    if (media == "application/json") {
      if (encoding == "utf-8" || (encoding.empty() && charset_is_utf8)) text = event_.body;
      if (encoding == "utf-16") text = to_utf8(event_.body, 2);
      if (encoding == "utf-32") text = to_utf8(event_.body, 4);
    }
    if (text) {
      if (Result<Json> parsed = parse_json(*text)) body_ = std::move(*parsed);
    }
  }
  return body_ ? &*body_ : nullptr;
}

Value RouteMessage::of_twin(const Path& path) const {
  const std::string* section = name_at(path, 1);
  if (twin_ == nullptr || section == nullptr) return Undefined{};
  if (*section == "tags") return query::descend(twin_->tags, path, 2);
  const std::string* kind = name_at(path, 2);
  if (*section != "properties" || kind == nullptr || (*kind != "desired" && *kind != "reported")) return Undefined{};
  const TwinProperties& properties = *kind == "desired" ? twin_->desired : twin_->reported;
  const std::string* member = name_at(path, 3);
  if (member != nullptr && *member == "$version" && path.steps.size() == 4) {
    return static_cast<double>(properties.version);
  }
  if (member != nullptr && *member == "$metadata") return query::descend(properties.metadata, path, 4);
  return query::descend(properties.values, path, 3);
}

Value RouteMessage::resolve(const Path& path) const {
  const std::string* root = name_at(path, 0);
  if (root == nullptr) return Undefined{};
  if (is(*root, "$body")) return body() == nullptr ? Value(Undefined{}) : query::descend(*body(), path, 1);
  if (is(*root, "$twin")) return of_twin(path);
  const std::string name = path.text();  // a property's name may have dots
  if (!name.starts_with('$')) return application_property(name);
  Value system = system_property(std::string_view(name).substr(1));
  if (!std::holds_alternative<Undefined>(system)) return system;
  const Value application = application_property(std::string_view(name).substr(1));
  return std::holds_alternative<Undefined>(application) ? application_property(name) : application;
}

}  // namespace iothub::hub::routing
