#pragma once
/// A device's MQTT connection by libmosquitto: what every simulated device says to a hub and hears from it. What it
/// does about that is its own.
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

struct mosquitto;
struct mosquitto_message;

namespace iothub::simulate {

struct MqttClientOptions {
  std::string host;     ///< the hub's own name, as it stands in the user name
  std::string address;  ///< where it is reached
  std::uint16_t port = 8883;
  std::filesystem::path ca_file;
  std::string id;
  std::string client_type;  ///< `simulate`, for the hub's log
};

class MqttClient {
 public:
  MqttClient(const MqttClient&) = delete;
  MqttClient& operator=(const MqttClient&) = delete;

  /// -1 while there is none.
  int socket() const;
  bool wants_write() const;
  // Each may call the functions below that a device implements. They answer libmosquitto's code.
  int read();
  int write();
  /// Keep-alive and the like.
  int misc();
  /// Asks for a goodbye: ended() follows.
  void leave();

 protected:
  /// Throws std::runtime_error when libmosquitto cannot work. All are made and destroyed on one thread: they keep
  /// libmosquitto's global state.
  explicit MqttClient(MqttClientOptions options);
  virtual ~MqttClient();

  const std::string& id() const { return options_.id; }
  /// Empty, or why no connection could even be begun; answered() follows else. Throws std::runtime_error for a password
  /// that libmosquitto cannot take.
  std::string connect(const std::string& password);
  /// All that a hub sends to a device. subscribed() follows kSubscriptions times.
  static constexpr int kSubscriptions = 4;
  void subscribe();
  /// The packet id; 0 when it could not be queued.
  int publish(const std::string& topic, const std::string& payload, int qos);

  /// CONNACK: 0 is accepted.
  virtual void answered(int code) = 0;
  /// Why it ended unasked; empty: it left.
  virtual void ended(const std::string& why) = 0;
  virtual void subscribed() {}
  /// A PUBACK.
  virtual void acknowledged(int message) = 0;
  /// A direct method; its answer goes to method_answer_topic(status, request).
  virtual void called(const std::string& method, const std::string& request, std::string_view payload) = 0;
  /// The hub's answer to a reported patch or a get.
  virtual void twin_answered(int status, int request) = 0;
  virtual void desired_changed(std::string_view payload) = 0;
  /// A cloud-to-device message; `properties` as they stand in its topic: `NAME=VALUE&..`
  virtual void received(std::string_view properties, std::string_view payload) = 0;

  static std::string method_answer_topic(int status, const std::string& request);
  static std::string reported_topic(int request);
  /// Its properties follow.
  std::string events_topic() const { return "devices/" + options_.id + "/messages/events/"; }

 private:
  struct Library {
    Library();
    ~Library();
    Library(const Library&) = delete;
    Library& operator=(const Library&) = delete;
  };
  void dispatch(const mosquitto_message& message);

  const Library library_{};
  const MqttClientOptions options_;
  mosquitto* client_ = nullptr;
};

}  // namespace iothub::simulate
