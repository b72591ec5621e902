#include "protocol/http/headers.h"

#include "protocol/text/ascii.h"

namespace iothub::http {

std::optional<std::string_view> find(const Headers& headers, std::string_view name) {
  for (const Header& header : headers) {
    if (text::equals_ignoring_case(header.name, name)) return header.value;
  }
  return std::nullopt;
}

}  // namespace iothub::http
