// Requests of a connection: read the same in one piece and byte by byte, targets and WebSocket openings with them.
#include <vector>

#include "protocol/http/request_parser.h"
#include "protocol/http/url.h"
#include "protocol/websocket/handshake.h"
#include "tests/fuzz/support/input.h"
#include "tests/fuzz/support/require.h"
#include "tests/fuzz/targets.h"

namespace iothub::fuzz {
namespace {

constexpr std::size_t kBodyLimit = 4096;

/// What the parser said, as text: events and, of requests, all their parts.
struct Reading {
  explicit Reading(std::size_t piece) : step(piece) {}

  void read(std::string_view input) {
    while (!input.empty() && !refused) {
      parser.feed(bytes_of(input.substr(0, step)));
      input.remove_prefix(std::min(step, input.size()));
      drain();
    }
  }

  void drain() {
    while (true) {
      const http::ParserEvent event = parser.next();
      if (std::holds_alternative<std::monostate>(event)) return;
      if (std::holds_alternative<http::ExpectsContinue>(event)) ++continues;  // only where the body is not there yet
      if (const auto* refusal = std::get_if<http::Refusal>(&event)) {
        require(refusal->status >= 400 && refusal->status < 500 && !refusal->reason.empty(), "a refusal says why");
        status = refusal->status;
        refused = true;
        return;
      }
      if (const auto* request = std::get_if<http::Request>(&event)) {
        said += request->method + ' ' + request->target + ' ' + std::to_string(request->minor_version) + '\n';
        for (const http::Header& header : request->headers) said += header.name + ": " + header.value + '\n';
        said += request->body + '\n';
        require(request->body.size() <= kBodyLimit, "a body keeps to its limit");
        requests.push_back(*request);
        require(continues <= requests.size(), "a client is told once to go on");
        if (request->upgrade) {
          rest = parser.take_unread();
          refused = true;
          return;
        }
      }
    }
  }

  std::size_t step;
  http::RequestParser parser{kBodyLimit};
  std::string said;
  std::string rest;
  std::size_t continues = 0;
  std::vector<http::Request> requests;
  bool refused = false;  ///< or another protocol follows
  int status = 0;        ///< of the refusal
};

void require_sound(const http::Request& request) {
  if (const auto target = http::parse_target(request.target)) {
    const std::string path = target->path();
    require(path.empty() || path.front() == '/', "a path begins with a slash");
  }
  const auto opening = websocket::read_opening(request);
  if (const auto* accepted = std::get_if<websocket::Opening>(&opening)) {
    const std::string answer = websocket::accept(
        *accepted, accepted->sub_protocols.empty() ? std::string_view() : accepted->sub_protocols.front());
    require(answer.starts_with("HTTP/1.1 101 ") && answer.ends_with("\r\n\r\n"), "an opening is answered with 101");
    require(answer.find("\r\n\r\n") == answer.size() - 4, "the answer 101 has one head");
  } else {
    require(std::get<websocket::Refusal>(opening).status >= 400, "a refused opening has a status");
  }
}

}  // namespace

void http_requests(std::string_view input) {
  Reading whole(input.size());
  whole.read(input);
  Reading bytewise(1);
  bytewise.read(input);
  // Of a header that never ends, the one may see what is wrong with it before the other.
  require(whole.status == bytewise.status || whole.status == 0 || bytewise.status == 0, "a refusal has one status");
  require(whole.said == bytewise.said, "pieces do not matter:\n" + whole.said + "\n---\n" + bytewise.said);
  for (const http::Request& request : whole.requests) require_sound(request);
  (void)http::parse_target(input);
}

}  // namespace iothub::fuzz
