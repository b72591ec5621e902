#pragma once
/// One HTTPS connection of a case, written and read byte by byte.
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/wire/support/service_client.h"
#include "tests/wire/support/shared_emulator.h"
#include "tests/wire/support/wire_client.h"

namespace iothub::test {

struct RawResponse {
  std::string status_line;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;

  std::string header(std::string_view name) const {
    for (const auto& [each, value] : headers)
      if (each == name) return value;
    return {};
  }
  /// Sorted: their order is nobody's business.
  std::string header_names() const {
    std::set<std::string> names;
    for (const auto& header : headers) names.insert(header.first);
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : " ") + name;
    return text;
  }
};

/// A link to the HTTPS port, and the requests of a test's device on it.
class HttpLink {
 public:
  explicit HttpLink(ServiceClient& service, Carrier carrier = Carrier::tls13)
      : client(shared_emulator().port("https"), carrier, shared_emulator().ca_file()),
        authorization_(service.authorization()) {}

  /// `line` is method and path; the api-version is added.
  std::string request(const std::string& line, const std::string& headers = {}, const std::string& body = {},
                      const std::string& version = "HTTP/1.1") const {
    std::string text = line + "?api-version=2021-04-12 " + version +
                       "\r\nHost: localhost\r\nAuthorization: " + authorization_ + "\r\n" + headers;
    if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    return text + "\r\n" + body;
  }

  RawResponse read_response(bool has_body = true) {
    RawResponse response;
    const std::string head = client.read_until("\r\n\r\n");
    std::size_t begin = head.find("\r\n");
    response.status_line = head.substr(0, begin);
    while (begin != std::string::npos && begin + 2 < head.size()) {
      begin += 2;
      const std::size_t end = head.find("\r\n", begin);
      const std::string line = head.substr(begin, end - begin);
      const std::size_t colon = line.find(": ");
      if (colon != std::string::npos) response.headers.emplace_back(line.substr(0, colon), line.substr(colon + 2));
      begin = end;
    }
    const std::string length = response.header("Content-Length");
    if (has_body && !length.empty()) response.body = client.read(std::stoul(length));
    return response;
  }
  RawResponse exchange(const std::string& text) {
    client.send(text);
    return read_response();
  }

  WireClient client;

 private:
  std::string authorization_;
};

}  // namespace iothub::test
