#include "protocol/http/request_parser.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <optional>
#include <string_view>
#include <utility>

#include "protocol/text/ascii.h"

namespace iothub::http {
namespace {

namespace beast = boost::beast;
using beast::error_code;

/// A buffer up to this size stays with an idle connection.
constexpr std::size_t kKeptCapacity = 512;

std::size_t count(const Headers& headers, std::string_view name) {
  return static_cast<std::size_t>(std::count_if(headers.begin(), headers.end(), [&](const Header& header) {
    return text::equals_ignoring_case(header.name, name);
  }));
}

/// What Beast accepts and two readers of the same bytes might split differently; nothing when all is well.
std::optional<std::string> ambiguity(const Request& request) {
  if (count(request.headers, "Host") > 1) return "more than one Host";
  if (request.minor_version >= 1 && count(request.headers, "Host") == 0) return "HTTP/1.1 without Host";
  if (count(request.headers, "Content-Length") > 1) return "more than one Content-Length";
  if (const auto length = find(request.headers, "Content-Length")) {
    if (!std::all_of(length->begin(), length->end(), text::is_digit)) return "Content-Length is not a number";
  }
  if (const auto coding = find(request.headers, "Transfer-Encoding")) {
    if (request.minor_version == 0) return "Transfer-Encoding in HTTP/1.0";
    if (count(request.headers, "Transfer-Encoding") > 1 || !text::equals_ignoring_case(*coding, "chunked")) {
      return "a Transfer-Encoding other than chunked";
    }
  }
  return std::nullopt;
}

}  // namespace

/// Beast's grammar, filling our Request: the body grows as it arrives, never ahead of it.
class RequestParser::Grammar final : public beast::http::basic_parser<true> {
 public:
  Request request;
  BodyPlan body;
  std::uint64_t body_bytes = 0;

 private:
  void on_request_impl(beast::http::verb, beast::string_view method, beast::string_view target, int version,
                       error_code&) override {
    request.method = std::string_view(method.data(), method.size());
    request.target = std::string_view(target.data(), target.size());
    request.minor_version = version % 10;
  }
  void on_response_impl(int, beast::string_view, int, error_code&) override {}
  void on_field_impl(beast::http::field, beast::string_view name, beast::string_view value,
                     error_code& error) override {
    if (header_ended_) return;  // a trailer: nothing here uses one, and it must not pass for a header
    if (request.headers.size() == kMaxHeaderFields) {
      error = beast::http::error::header_limit;
      return;
    }
    request.headers.push_back({std::string(name.data(), name.size()), std::string(value.data(), value.size())});
  }
  void on_header_impl(error_code&) override { header_ended_ = true; }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(beast::string_view piece, error_code& error) override { return take(piece, error); }
  void on_chunk_header_impl(std::uint64_t size, beast::string_view, error_code& error) override {
    if (size > body.limit - body_bytes) error = beast::http::error::body_limit;
  }
  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view piece, error_code& error) override {
    return take(piece, error);
  }
  void on_finish_impl(error_code&) override {}

  std::size_t take(beast::string_view piece, error_code& error) {
    body_bytes += piece.size();
    if (body_bytes > body.limit) {
      error = beast::http::error::body_limit;
      return 0;
    }
    if (body.sink != nullptr) {
      body.sink->append({piece.data(), piece.size()});
    } else if (body.keep) {
      request.body.append(piece.data(), piece.size());
    }
    return piece.size();
  }

  bool header_ended_ = false;
};

RequestParser::RequestParser(std::size_t body_limit)
    : RequestParser([body_limit](const Request&) {
        return BodyPlan{nullptr, body_limit};
      }) {}

RequestParser::RequestParser(ChooseBody choose_body) : choose_body_(std::move(choose_body)) {}

RequestParser::~RequestParser() = default;

void RequestParser::feed(std::span<const std::byte> bytes) {
  if (refused_) return;
  if (read_ > 0) buffer_.erase(0, std::exchange(read_, 0));
  buffer_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

std::string RequestParser::take_unread() {
  std::string rest = buffer_.substr(read_);
  buffer_ = {};
  read_ = 0;
  return rest;
}

ParserEvent RequestParser::next() {
  if (refused_) return *refused_;
  ParserEvent event = parse();
  if (unread() == 0) release_buffer();
  return event;
}

ParserEvent RequestParser::parse() {
  if (!grammar_) {
    skip_empty_lines();
    const std::string_view rest = std::string_view(buffer_).substr(read_);
    if (rest.empty() || rest == "\r") return {};
    grammar_ = std::make_unique<Grammar>();
    grammar_->header_limit(static_cast<std::uint32_t>(kMaxHeaderBytes));
    grammar_->body_limit(boost::none);  // ours comes with the body's plan
    header_bytes_ = 0;
    header_checked_ = false;
  }

  while (!grammar_->is_done()) {
    if (unread() == 0 || may_be_half_an_end()) return {};
    error_code error;
    const std::size_t taken = grammar_->put(boost::asio::buffer(buffer_.data() + read_, unread()), error);
    read_ += taken;
    // Beast measures what it is given at once against its limit, and forgets the fields of earlier calls.
    if (!header_checked_) header_bytes_ += taken;
    if (header_bytes_ > kMaxHeaderBytes) return refuse(431, "the header is too large");
    if (error == beast::http::error::need_more) {
      // Beast sets no limit to the line that tells a chunk's size.
      if (unread() > kMaxHeaderBytes) return refuse(431, "a line longer than the header may be");
      return {};
    }
    if (error == beast::http::error::header_limit) return refuse(431, "the header is too large");
    if (error == beast::http::error::body_limit) {
      return refuse(413, "the body is larger than " + std::to_string(grammar_->body.limit) + " bytes");
    }
    if (error) return refuse(400, "malformed HTTP: " + error.message());

    if (!header_checked_ && grammar_->is_header_done()) {
      header_checked_ = true;
      const Request& request = grammar_->request;
      if (auto problem = ambiguity(request)) return refuse(400, std::move(*problem));
      if (const auto expected = find(request.headers, "Expect"); expected && request.minor_version >= 1) {
        if (!text::equals_ignoring_case(*expected, "100-continue")) return refuse(417, "an unknown expectation");
      }
      grammar_->body = choose_body_(request);
      if (const auto length = grammar_->content_length(); length && *length > grammar_->body.limit) {
        return refuse(413, "the body is larger than " + std::to_string(grammar_->body.limit) + " bytes");
      }
      if (find(request.headers, "Expect") && request.minor_version >= 1 && !grammar_->is_done() && unread() == 0) {
        return ExpectsContinue{};
      }
    }
  }

  Request request = std::move(grammar_->request);
  request.keep_alive = grammar_->keep_alive();
  request.upgrade = grammar_->upgrade();
  grammar_.reset();
  return request;
}

/// Beast asserts that the last chunk is there with its last CRLF when it is the first one too; at least that is to
/// come.
bool RequestParser::may_be_half_an_end() const {
  constexpr std::string_view kEnd = "0\r\n\r\n";
  return header_checked_ && grammar_->chunked() && unread() < kEnd.size() && buffer_[read_] == kEnd.front();
}

bool RequestParser::fills_sink() const {
  return grammar_ && grammar_->body.sink != nullptr;
}

ParserEvent RequestParser::refuse(int status, std::string reason) {
  refused_ = std::make_unique<Refusal>(Refusal{status, std::move(reason)});
  grammar_.reset();
  read_ = buffer_.size();
  return *refused_;
}

/// Old clients end a body with an extra CRLF; it belongs to nothing (RFC 9112, 2.2).
void RequestParser::skip_empty_lines() {
  while (std::string_view(buffer_).substr(read_).starts_with("\r\n")) read_ += 2;
}

void RequestParser::release_buffer() {
  read_ = 0;
  if (buffer_.capacity() > kKeptCapacity) {
    std::string().swap(buffer_);
  } else {
    buffer_.clear();
  }
}

}  // namespace iothub::http
