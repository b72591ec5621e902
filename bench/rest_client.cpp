#include "bench/rest_client.h"

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace iothub::bench {
namespace {

constexpr std::string_view kContentLength = "\r\ncontent-length:";
constexpr std::string_view kLastChunk = "\r\n0\r\n\r\n";  // JSON on one line has no such bytes in it

}  // namespace

RestClient::RestClient(EventLoop& loop, Endpoint endpoint, std::string authorization)
    : Connection(loop, endpoint),
      headers_(" HTTP/1.1\r\nHost: " + endpoint.host_name +
               (authorization.empty() ? std::string() : "\r\nAuthorization: " + authorization) +
               "\r\nAccept: application/json\r\nContent-Type: application/json\r\nContent-Length: ") {}

void RestClient::request(std::string_view method, std::string_view target, std::string_view json) {
  request_.clear();
  request_.append(method).append(" ").append(target).append(headers_);
  request_.append(std::to_string(json.size())).append("\r\n\r\n").append(json);
  send(request_);
}

void RestClient::opened() {
  if (on_opened) on_opened();
}

void RestClient::received(std::string_view bytes) {
  incoming_ += bytes;
  const std::size_t head_end = incoming_.find("\r\n\r\n");
  if (head_end == std::string::npos) return;
  std::string head = incoming_.substr(0, head_end);
  std::transform(head.begin(), head.end(), head.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
  std::size_t length = 0;
  bool chunked = false;
  if (const std::size_t at = head.find(kContentLength); at != std::string::npos) {
    const std::size_t digits = head.find_first_of("0123456789", at + kContentLength.size());
    std::from_chars(head.data() + std::min(digits, head.size()), head.data() + head.size(), length);
  } else if (head.find("\r\ntransfer-encoding:") != std::string::npos) {
    chunked = true;
  }
  if (incoming_.size() < head_end + 4 + length) return;
  if (chunked && !incoming_.ends_with(kLastChunk)) return;
  if (!head.starts_with("http/1.1 2")) throw std::runtime_error("REST answer: " + incoming_);
  incoming_.clear();  // nothing follows: one request is in flight
  if (on_answer) on_answer();
}

void RestClient::lost(const std::string& reason) {
  throw std::runtime_error("REST connection lost: " + reason);
}

}  // namespace iothub::bench
