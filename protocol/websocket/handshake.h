#pragma once
/// The opening handshake (RFC 6455, 4.2).
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "protocol/http/request_parser.h"

namespace iothub::websocket {

/// Why a request opens no WebSocket; to answer with.
struct Refusal {
  int status = 400;  ///< 426: another version, or no WebSocket at all
  std::string reason;
};

/// A request that opens one.
struct Opening {
  std::string key;                         ///< Sec-WebSocket-Key
  std::vector<std::string> sub_protocols;  ///< as the client spells them, in its order
};

/// Header names and tokens match in any case. Extensions (Node offers permessage-deflate) are left unanswered, which
/// declines them.
std::variant<Opening, Refusal> read_opening(const http::Request& request);

/// The whole answer 101. `sub_protocol` has to be one the client asked for, in its spelling: Microsoft's C SDK asks for
/// `MQTT` (java-csharp-c-sdk.md 2.4).
std::string accept(const Opening& opening, std::string_view sub_protocol);

}  // namespace iothub::websocket
