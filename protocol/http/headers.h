#pragma once
/// Header fields in the order they stand on the wire; names compare in any case (RFC 9110, 5.1).
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace iothub::http {

struct Header {
  std::string name;
  std::string value;

  bool operator==(const Header&) const = default;
};

using Headers = std::vector<Header>;

/// The first field of that name; valid as long as the headers are.
std::optional<std::string_view> find(const Headers& headers, std::string_view name);

}  // namespace iothub::http
