#pragma once
/// Which protocol a client speaks, by the first bytes it sends: in every protocol served here the client speaks first.
#include <cstddef>
#include <span>

namespace iothub::net {

enum class Protocol { tls, mqtt, amqp, http, unknown, undecided };

/// `undecided` asks for more bytes; four are always enough.
/// 0x16 opens a TLS record with a handshake (RFC 8446, 5.1), 0x10 is MQTT's CONNECT (MQTT 3.1.1, 3.1.1), `AMQP` opens
/// both AMQP's and its SASL layer's header (AMQP 1.0, 2.2), and any other letter followed by a visible character can
/// only begin an HTTP method.
Protocol protocol_of(std::span<const std::byte> first_bytes);

}  // namespace iothub::net
