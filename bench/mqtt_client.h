#pragma once
/// A device that speaks MQTT 3.1.1 over TLS.
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "bench/connection.h"

namespace iothub::bench {

class MqttClient : public Connection {
 public:
  /// CONNECT goes out as soon as TLS is up. Callbacks that are not set are not called, but for a loss that nobody
  /// hears: it throws std::runtime_error.
  MqttClient(EventLoop& loop, Endpoint endpoint, std::function<Credentials()> credentials);

  std::function<void()> on_connected;
  std::function<void()> on_subscribed;
  std::function<void(std::uint16_t packet_id)> on_puback;
  std::function<void(std::string_view topic)> on_publish;  ///< a QoS 1 message is acknowledged after it
  std::function<void(const std::string& reason)> on_lost;

  void subscribe(std::string_view filter);
  /// QoS 1; packet ids are 1, 2, .. 65535, 1, ...
  std::uint16_t publish(std::string_view topic, std::string_view payload);
  void disconnect();

 private:
  void opened() override;
  void received(std::string_view bytes) override;
  void lost(const std::string& reason) override;

  /// Takes whole packets; returns the bytes of them.
  std::size_t take_packets(std::string_view bytes);
  void take_packet(std::uint8_t first_byte, std::string_view body);

  const std::function<Credentials()> credentials_;
  std::string incoming_;  ///< the start of a packet
  std::string packet_;    ///< scratch
  std::uint16_t last_packet_id_ = 0;
};

}  // namespace iothub::bench
