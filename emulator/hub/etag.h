#pragma once
/// Etags and the If-Match header (rest.md 1.1 and 1.2: recorded traffic and probes of real hubs).
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace iothub::hub {

/// Identity and configuration etag: base64 of the counter's decimal text (`NzI3ODk0ODYz` = 727894863).
std::string identity_etag(std::int64_t counter);
/// Twin etag: base64 of eight big-endian bytes (`AAAAAAAAAAE=` = 1).
std::string twin_etag(std::int64_t counter);

/// An If-Match header as read: absent and empty (`""`) mean the same to the registry.
struct IfMatch {
  enum class Kind { none, any, value };
  Kind kind = Kind::none;
  std::string etag;     ///< Kind::value: without quotes and weakness mark
  bool quoted = false;  ///< configurations honour quoted values only

  static IfMatch none() { return {}; }
  static IfMatch any() { return {Kind::any, {}, false}; }
  /// `*` and `"*"` are any; `"x"`, `x` and `W/"x"` are a value; nothing and `""` are none.
  static IfMatch parse(std::optional<std::string_view> header);

  bool is_none() const { return kind == Kind::none; }
  /// Kind::any, or the very etag.
  bool admits(std::string_view current) const { return kind == Kind::any || (kind == Kind::value && etag == current); }
};

}  // namespace iothub::hub
