#include "emulator/net/first_bytes.h"

#include <algorithm>
#include <string_view>

#include "protocol/text/ascii.h"

namespace iothub::net {

Protocol protocol_of(std::span<const std::byte> first_bytes) {
  if (first_bytes.empty()) return Protocol::undecided;
  constexpr std::byte kTlsHandshake{0x16};
  constexpr std::byte kMqttConnect{0x10};
  if (first_bytes[0] == kTlsHandshake) return Protocol::tls;
  if (first_bytes[0] == kMqttConnect) return Protocol::mqtt;

  constexpr std::string_view kAmqp = "AMQP";
  const std::size_t compared = std::min(first_bytes.size(), kAmqp.size());
  const bool like_amqp = std::equal(kAmqp.begin(), kAmqp.begin() + static_cast<std::ptrdiff_t>(compared),
                                    first_bytes.begin(), [](char a, std::byte b) { return std::byte(a) == b; });
  if (like_amqp) return compared == kAmqp.size() ? Protocol::amqp : Protocol::undecided;

  // MQTT's PUBREC, PUBREL and PUBCOMP begin with a letter too; their length comes next, where a method goes on.
  const bool goes_on = first_bytes.size() < 2 || (first_bytes[1] >= std::byte{' '} && first_bytes[1] < std::byte{0x7F});
  return text::is_alpha(static_cast<char>(first_bytes[0])) && goes_on ? Protocol::http : Protocol::unknown;
}

}  // namespace iothub::net
