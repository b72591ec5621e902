#pragma once
/// What a hub wrote to an HTTP client, taken apart.
#include <charconv>
#include <optional>
#include <string_view>

namespace iothub::fuzz {

struct HttpAnswer {
  int status = 0;
  std::string_view head;  ///< with the status line, without the empty line
  std::string_view body;

  bool has(std::string_view header_line) const { return head.find(header_line) != std::string_view::npos; }
};

/// Takes one answer off the front; nothing when it is not whole.
inline std::optional<HttpAnswer> take_answer(std::string_view& written, bool to_head) {
  const std::size_t head = written.find("\r\n\r\n");
  if (!written.starts_with("HTTP/1.1 ") || head == std::string_view::npos) return std::nullopt;
  HttpAnswer answer;
  answer.head = written.substr(0, head);
  std::from_chars(written.data() + 9, written.data() + 12, answer.status);
  constexpr std::string_view kLength = "Content-Length: ";
  const std::size_t field = answer.head.find(kLength);
  std::size_t length = 0;
  if (answer.status != 100 && answer.status != 304) {
    if (field == std::string_view::npos) return std::nullopt;
    std::from_chars(written.data() + field + kLength.size(), written.data() + head, length);
  }
  if (to_head) length = 0;
  if (written.size() < head + 4 + length) return std::nullopt;
  answer.body = written.substr(head + 4, length);
  written.remove_prefix(head + 4 + length);
  return answer;
}

}  // namespace iothub::fuzz
