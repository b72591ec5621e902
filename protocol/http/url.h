#pragma once
/// Request targets: path segments and query parameters (RFC 9112, 3.2; RFC 3986).
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace iothub::http {

struct Target {
  std::string authority;  ///< host[:port] of absolute-form, which wins over Host; empty for origin-form
  /// Percent-decoded one by one, so that an encoded slash stays inside its segment; `+` is a plus. One trailing slash
  /// counts for nothing; other empty segments stay.
  std::vector<std::string> segments;
  std::vector<std::pair<std::string, std::string>> query;  ///< decoded; `+` is a space here, as forms write it

  /// The first parameter of that name, in any case; null when there is none.
  const std::string* parameter(std::string_view name) const;
  /// `/devices/d`: the segments joined again.
  std::string path() const;
};

/// Reads origin-form and absolute-form; nothing for other forms, for a broken percent-encoding, and for
/// what is no UTF-8.
std::optional<Target> parse_target(std::string_view target);

}  // namespace iothub::http
