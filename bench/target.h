#pragma once
/// The server under load: an IoT Hub emulator, or a general MQTT broker as its peer.
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace iothub::bench {

/// A TLS server on this machine, and how to speak to it.
struct Endpoint {
  sockaddr_in address{};
  SSL_CTX* tls = nullptr;        ///< borrowed
  std::string host_name;         ///< sent as SNI and `Host`
  std::string websocket_path{};  ///< inside a WebSocket there; empty: without one
};

struct Ports {
  std::uint16_t mqtts = 8883;
  std::uint16_t https = 443;
  std::uint16_t amqps = 5671;
};

/// What a device says in CONNECT; a broker is told no user name.
struct Credentials {
  std::string client_id;
  std::string user_name;
  std::string password;
};

class Target {
 public:
  /// `service_connection_string` makes it a hub, an empty one an anonymous broker. Throws std::runtime_error for a
  /// connection string that is none.
  Target(pid_t process, Ports ports, std::string_view service_connection_string);

  bool is_hub() const { return !policy_.empty(); }
  pid_t process() const { return process_; }
  Endpoint mqtts() const { return endpoint(ports_.mqtts); }
  Endpoint https() const { return endpoint(ports_.https); }
  Endpoint amqps() const { return endpoint(ports_.amqps); }
  /// MQTT in a WebSocket, at the port of HTTPS.
  Endpoint websocket() const;

  static std::string device_id(std::size_t device) { return "bench-" + std::to_string(device); }
  /// The key that all benchmark devices share.
  static std::string_view device_key();
  /// A device's; the hub's are signed anew by each call, as devices do when they connect.
  Credentials credentials(std::size_t device) const;
  /// The `Authorization` value of service requests; empty where the server is no hub.
  std::string service_token() const;
  /// What a device puts to `$cbs`.
  std::string device_token(std::size_t device) const;
  /// As a hub knows itself.
  const std::string& host_name() const { return host_name_; }
  /// The name of a hub's Event-Hubs-compatible endpoint: the first label of its own.
  std::string event_hub() const { return host_name_.substr(0, host_name_.find('.')); }

  static std::string telemetry_topic(std::size_t device) {
    return "devices/" + device_id(device) + "/messages/events/";
  }
  /// What a device subscribes to for its desired patches; a broker's devices to a topic of their own that looks alike.
  std::string patch_filter(std::size_t device) const;
  /// The topic on which a broker's publisher reaches the device's patch_filter().
  static std::string broker_patch_topic(std::size_t device, std::size_t version);

 private:
  Endpoint endpoint(std::uint16_t port) const;

  pid_t process_;
  Ports ports_;
  std::string host_name_ = "localhost";
  std::string policy_;
  std::string policy_key_;
  std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> tls_;
};

}  // namespace iothub::bench
