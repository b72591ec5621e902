#include "protocol/websocket/handshake.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <stdexcept>

#include "protocol/text/ascii.h"
#include "protocol/text/base64.h"

namespace iothub::websocket {
namespace {

/// Calls `take` with every token of every field of that name (RFC 9110, 5.6.1: lists, perhaps in several fields).
template <class Take>
void each_token(const http::Headers& headers, std::string_view name, const Take& take) {
  constexpr std::string_view kBlanks = " \t";
  for (const http::Header& header : headers) {
    if (!text::equals_ignoring_case(header.name, name)) continue;
    std::string_view rest = header.value;
    while (!rest.empty()) {
      std::string_view token = rest.substr(0, rest.find(','));
      rest.remove_prefix(std::min(rest.size(), token.size() + 1));
      token.remove_prefix(std::min(token.size(), token.find_first_not_of(kBlanks)));
      token = token.substr(0, token.find_last_not_of(kBlanks) + 1);
      if (!token.empty()) take(token);
    }
  }
}

bool has_token(const http::Headers& headers, std::string_view name, std::string_view wanted) {
  bool found = false;
  each_token(headers, name, [&](std::string_view token) { found |= text::equals_ignoring_case(token, wanted); });
  return found;
}

std::string accept_value(std::string key) {
  key += "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // RFC 6455, 1.3
  std::array<std::byte, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  if (EVP_Digest(key.data(), key.size(), reinterpret_cast<unsigned char*>(digest.data()), &size, EVP_sha1(), nullptr) !=
      1) {
    throw std::runtime_error("OpenSSL has no SHA-1, which WebSocket needs");
  }
  return text::base64_encode(std::span(digest).first(size));
}

}  // namespace

std::variant<Opening, Refusal> read_opening(const http::Request& request) {
  const http::Headers& headers = request.headers;
  if (request.minor_version < 1 || !has_token(headers, "Connection", "upgrade") ||
      !has_token(headers, "Upgrade", "websocket")) {
    return Refusal{426, "this path speaks WebSocket only, and the request asks for no upgrade"};
  }
  const std::string version(http::find(headers, "Sec-WebSocket-Version").value_or(""));
  if (version != "13") return Refusal{426, "Sec-WebSocket-Version '" + version + "' is not 13"};
  Opening opening;
  opening.key = http::find(headers, "Sec-WebSocket-Key").value_or("");
  const auto decoded = text::base64_decode(opening.key);
  if (!decoded || decoded->size() != 16) return Refusal{400, "Sec-WebSocket-Key is not 16 bytes in base64"};
  each_token(headers, "Sec-WebSocket-Protocol",
             [&](std::string_view token) { opening.sub_protocols.emplace_back(token); });
  return opening;
}

std::string accept(const Opening& opening, std::string_view sub_protocol) {
  std::string answer =
      "HTTP/1.1 101 Switching Protocols\r\n"
      "Upgrade: websocket\r\n"
      "Connection: Upgrade\r\n"
      "Sec-WebSocket-Accept: ";
  answer += accept_value(opening.key);
  answer += "\r\nSec-WebSocket-Protocol: ";
  answer += sub_protocol;
  answer += "\r\n\r\n";
  return answer;
}

}  // namespace iothub::websocket
