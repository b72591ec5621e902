#pragma once
/// MQTT packets as the protocol tap tells them.
#include <cstddef>
#include <span>
#include <string_view>

#include "emulator/heads/wire.h"
#include "protocol/mqtt/packet.h"

namespace iothub::heads::mqtt_head {

/// `size`: of the whole packet. A CONNECT's password is not in it.
WirePacket received_packet(const mqtt::ClientPacket& packet, std::size_t size);
/// What cannot be read, with the reason; the connection ends with it.
WirePacket malformed_packet(std::string_view reason, std::size_t size);
/// Whole packets that leave.
void tell_sent_packets(std::span<const std::byte> bytes, WireTap& tap);

}  // namespace iothub::heads::mqtt_head
