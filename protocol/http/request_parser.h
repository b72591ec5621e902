#pragma once
/// Bytes of an HTTP/1.x connection to requests (RFC 9112). No sockets: bytes come in as they arrive, in pieces of any
/// size.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <variant>

#include "protocol/http/body.h"
#include "protocol/http/headers.h"

namespace iothub::http {

/// Request line and header fields together.
inline constexpr std::size_t kMaxHeaderBytes = 16 * 1024;
/// Each costs some 70 bytes however short it is.
inline constexpr std::size_t kMaxHeaderFields = 256;

struct Request {
  std::string method;     ///< as sent: methods are case-sensitive
  std::string target;     ///< as sent, still percent-encoded: origin-form or absolute-form
  int minor_version = 1;  ///< of HTTP/1
  Headers headers;
  std::string body;  ///< without chunk framing
  bool keep_alive = true;
  bool upgrade = false;  ///< asks to leave HTTP: what follows it in take_unread() is the new protocol's
};

/// A request that cannot be read. Where the next one would begin is unknown: answer with the status, then close.
struct Refusal {
  int status = 400;    ///< 400 malformed, 413 body too large, 417 an unknown expectation, 431 header too large
  std::string reason;  ///< for the log
};

/// The client waits for `HTTP/1.1 100 Continue` before it sends the body; told once a request (RFC 9110, 10.1.1).
struct ExpectsContinue {};

/// std::monostate: more bytes are needed.
using ParserEvent = std::variant<std::monostate, ExpectsContinue, Request, Refusal>;

/// Where a body goes and how long it may be.
struct BodyPlan {
  BodySink* sink = nullptr;  ///< takes the body as it arrives and lives until its request is out; null: Request::body
  std::uint64_t limit = 0;   ///< bytes; a longer body is refused with 413
  bool keep = true;          ///< without a sink; false: it is read over, and Request::body stays empty
};

/// Asked once a request, when its header is complete and sound; it holds no body yet.
using ChooseBody = std::function<BodyPlan(const Request& header)>;

/// Refuses whatever two readers could understand in different ways (RFC 9112, 11.2): more than one Content-Length or
/// Host, Content-Length beside Transfer-Encoding, any transfer coding but a single `chunked`, HTTP/1.1 without Host.
class RequestParser {
 public:
  /// Bodies of at most `body_limit` bytes, kept in memory.
  explicit RequestParser(std::size_t body_limit);
  explicit RequestParser(ChooseBody choose_body);
  ~RequestParser();

  void feed(std::span<const std::byte> bytes);
  /// Call until it gives std::monostate. Pipelined requests come out one a call; after a Refusal it gives that for
  /// ever.
  ParserEvent next();

  /// Bytes fed that belong to no request yet.
  std::size_t unread() const { return buffer_.size() - read_; }
  /// A request has begun to arrive and is not whole.
  bool has_begun() const { return grammar_ != nullptr || unread() > 0; }
  /// A sink takes the body of the request that is being read.
  bool fills_sink() const;
  /// Gives them away, when the connection leaves HTTP.
  std::string take_unread();

 private:
  class Grammar;
  ParserEvent parse();
  ParserEvent refuse(int status, std::string reason);
  bool may_be_half_an_end() const;
  void skip_empty_lines();
  void release_buffer();

  ChooseBody choose_body_;
  std::unique_ptr<Grammar> grammar_;  ///< lives from a request's first byte to its last
  std::string buffer_;
  std::size_t read_ = 0;          ///< how much of the buffer is used up
  std::size_t header_bytes_ = 0;  ///< of the request at hand, used up
  bool header_checked_ = false;
  std::unique_ptr<Refusal> refused_;
};

}  // namespace iothub::http
