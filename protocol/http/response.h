#pragma once
/// Responses to bytes (RFC 9112).
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/http/headers.h"
#include "protocol/text/timestamp.h"

namespace iothub::http {

struct Response {
  int status = 200;
  Headers headers;  ///< without Content-Length and `Connection: close`, which serialize() writes
  std::string body;
  bool to_head = false;  ///< answers HEAD: the body's length is told, the body stays away
};

/// Appends the response to `out`. Content-Length is always there, also for 204, as the hub writes it; with keep_alive
/// false comes `Connection: close`.
void serialize(const Response& response, bool keep_alive, std::string& out);

/// Appends the head of an answer whose body follows and ends with the connection (RFC 9112, 6.3).
void serialize_stream_head(const Response& response, std::string& out);
/// Appends everything up to the body, which is `body_size` bytes long and follows from elsewhere.
void serialize_header(const Response& response, std::uint64_t body_size, bool keep_alive, std::string& out);

/// The text after the status: Python's SDK shows it to its user as the whole error. Empty for an unknown status.
std::string_view reason_phrase(int status);

/// `Sun, 22 Nov 2026 02:33:52 GMT` (RFC 9110, 5.6.7).
std::string http_date(Timestamp time);
/// Reads that form; nothing for any other.
std::optional<Timestamp> parse_http_date(std::string_view text);

}  // namespace iothub::http
