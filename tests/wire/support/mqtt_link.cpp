#include "tests/wire/support/mqtt_link.h"

#include <doctest/doctest.h>

#include <stdexcept>

namespace iothub::test {

Names names_of(const Login& login) {
  return {{"d", login.device},
          {"m", login.module},
          {"id", login.client_id()},
          {"user", "localhost/" + login.client_id() + "/?api-version=2021-04-12"},
          {"sas", login.token()}};
}

MqttLink::MqttLink(const EmulatorProcess& emulator, const Login& login, Carrier carrier)
    : names_(names_of(login)), client_(emulator.port("mqtts"), carrier, emulator.ca_file()) {}

void MqttLink::expect(std::string_view notation) {
  const std::string wanted = bytes(notation);
  CHECK(shown(client_.read(wanted.size())) == shown(wanted));
}

void MqttLink::exchange(std::string_view out, std::string_view in) {
  send(out);
  expect(in);
}

void MqttLink::connect(std::string_view connect, std::string_view connack) {
  exchange(connect, connack);
}

void MqttLink::expect_alive() {
  exchange(kPingreq, kPingresp);
}

void MqttLink::expect_closed() {
  CHECK(shown(client_.read_until_closed()) == "nothing");
}

Published MqttLink::read_publish() {
  const auto byte = [this] {
    const std::string one = client_.read(1);
    if (one.empty()) throw std::runtime_error("no PUBLISH comes");
    return static_cast<unsigned char>(one[0]);
  };
  const unsigned first = byte();
  if (first >> 4U != 3) throw std::runtime_error("not a PUBLISH but packet type " + std::to_string(first >> 4U));
  std::size_t length = 0;
  for (unsigned shift = 0, digit = 0x80; (digit & 0x80U) != 0; shift += 7) {
    digit = byte();
    length |= static_cast<std::size_t>(digit & 0x7FU) << shift;
  }
  const std::string rest = client_.read(length);
  if (rest.size() < 2 || rest.size() < length) throw std::runtime_error("a PUBLISH that ends too early");
  const auto number = [&](std::size_t at) {
    return static_cast<int>(static_cast<unsigned char>(rest.at(at))) << 8 |
           static_cast<int>(static_cast<unsigned char>(rest.at(at + 1)));
  };
  Published published;
  published.qos = static_cast<int>(first >> 1U & 3U);
  const auto topic_size = static_cast<std::size_t>(number(0));
  published.topic = rest.substr(2, topic_size);
  std::size_t payload_at = 2 + topic_size;
  if (published.qos > 0) {
    published.packet_id = number(payload_at);
    payload_at += 2;
  }
  published.payload = rest.substr(payload_at);
  return published;
}

}  // namespace iothub::test
