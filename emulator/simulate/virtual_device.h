#pragma once
/// A device that is none and does as it is told: a real MQTT connection by libmosquitto, driven by who owns it.
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "emulator/simulate/device_template.h"

namespace iothub::simulate {

struct VirtualDeviceOptions {
  std::string host;     ///< the hub's own name, as it stands in the user name
  std::string address;  ///< where it is reached
  std::uint16_t port = 8883;
  std::filesystem::path ca_file;
  std::string id;
  std::function<std::string()> password;  ///< a SharedAccessSignature, made when it connects
  /// How long after a connection that ended unasked the next is tried; nothing: it stays away.
  std::optional<std::chrono::duration<double>> reconnect;
};

class VirtualDevice {
 public:
  enum class State { away, connecting, connected };

  struct Message {
    hub::Json body;  ///< a pattern
    hub::Json properties = hub::Json::object();
    hub::Json system = hub::Json::object();  ///< messageId, correlationId, userId, contentType, contentEncoding
    std::string place;                       ///< whose generators: the same place counts on
  };

  /// Throws std::runtime_error when libmosquitto cannot work.
  VirtualDevice(DeviceTemplate does, VirtualDeviceOptions options);
  VirtualDevice(const VirtualDevice&) = delete;
  VirtualDevice& operator=(const VirtualDevice&) = delete;
  ~VirtualDevice();

  const std::string& id() const;
  const DeviceTemplate& does() const;

  /// Connected is who has its subscriptions, too. A refused one is away, with the reason.
  State state() const;
  const std::string& why_away() const;
  void connect();
  /// With a goodbye; it stays away.
  void disconnect();

  /// What to ask acknowledged() for; 0 when it is not connected.
  int send(const Message& message);
  bool acknowledged(int message) const;

  /// What to ask report_status() for; 0 when it is not connected.
  int report(const hub::Json& pattern, const std::string& place);
  /// The hub's answer, once it is there.
  std::optional<int> report_status(int request) const;

  /// From now on.
  void answer(const std::string& method, DeviceTemplate::Method with);

  /// `{"device", "body", "properties", "systemProperties"}`, the last by AMQP's names: message-id, content-type, ...
  const std::vector<hub::Json>& messages() const;
  /// `{"device", "body"}`: patches of the desired properties.
  const std::vector<hub::Json>& desired() const;
  /// `{"device", "method", "payload", "status"}`: calls that were answered.
  const std::vector<hub::Json>& calls() const;

  /// Lets the devices read, write and do what is due, for as long or until one of them was read.
  static void work(std::span<const std::unique_ptr<VirtualDevice>> devices, std::chrono::milliseconds longest);

 private:
  class Client;
  std::unique_ptr<Client> client_;
};

}  // namespace iothub::simulate
