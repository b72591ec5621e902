#include "emulator/app/mqtt_bridge.h"

#include <mosquitto.h>

#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <utility>

#include "emulator/app/file_endpoint.h"

namespace iothub::app {
namespace {

using std::chrono::steady_clock;

constexpr int kKeepAliveSeconds = 60;
constexpr int kLoopMilliseconds = 100;         ///< how long a stop may wait
constexpr std::chrono::seconds kPatience{15};  ///< for CONNACK, and from one PUBACK to the next

void check(int code) {
  if (code != MOSQ_ERR_SUCCESS) throw std::runtime_error(mosquitto_strerror(code));
}

std::string level(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '/':
        out += "%2F";
        break;
      case '+':
        out += "%2B";
        break;
      case '#':
        out += "%23";
        break;
      case '%':
        out += "%25";
        break;
      default:
        out += c;
        break;
    }
  }
  return out;
}

/// One connection from CONNECT to DISCONNECT.
class Session {
 public:
  Session(const hub::routing::MqttSettings& settings, const std::stop_token& stop) : stop_(stop) {
    static const int initialised = mosquitto_lib_init();
    check(initialised);
    const char* client_id = settings.client_id.empty() ? nullptr : settings.client_id.c_str();
    client_.reset(mosquitto_new(client_id, true, this));
    if (client_ == nullptr) throw std::runtime_error("no MQTT client can be made");
    mosquitto_connect_callback_set(
        client_.get(), [](mosquitto*, void* self, int code) { static_cast<Session*>(self)->connack_ = code; });
    mosquitto_publish_callback_set(
        client_.get(), [](mosquitto*, void* self, int id) { static_cast<Session*>(self)->acknowledged_.insert(id); });
    if (!settings.user_name.empty()) {
      check(mosquitto_username_pw_set(client_.get(), settings.user_name.c_str(), settings.password.c_str()));
    }
    if (!settings.ca_file.empty()) {
      check(mosquitto_tls_set(client_.get(), settings.ca_file.c_str(), nullptr, nullptr, nullptr, nullptr));
    }
    check(mosquitto_connect_async(client_.get(), settings.host.c_str(), settings.port, kKeepAliveSeconds));
    const auto deadline = steady_clock::now() + kPatience;
    while (!connack_) loop(deadline);
    if (*connack_ != 0) throw std::runtime_error(mosquitto_connack_string(*connack_));
  }
  ~Session() {
    mosquitto_disconnect(client_.get());
    mosquitto_loop(client_.get(), 0, 1);  // DISCONNECT leaves
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  int publish(const std::string& topic, const std::string& payload) {
    int id = 0;
    check(mosquitto_publish(client_.get(), &id, topic.c_str(), static_cast<int>(payload.size()), payload.data(), 1,
                            false));
    return id;
  }

  /// Until the message has its PUBACK.
  void await(int id) {
    auto deadline = steady_clock::now() + kPatience;
    for (std::size_t known = acknowledged_.size(); !acknowledged_.contains(id);) {
      loop(deadline);
      if (acknowledged_.size() > known) deadline = steady_clock::now() + kPatience;
      known = acknowledged_.size();
    }
  }

 private:
  void loop(steady_clock::time_point deadline) {
    if (stop_.stop_requested()) throw std::runtime_error("the hub stops");
    if (steady_clock::now() >= deadline) throw std::runtime_error("the broker does not answer");
    check(mosquitto_loop(client_.get(), kLoopMilliseconds, 1));
  }

  struct Destroy {
    void operator()(mosquitto* client) const { mosquitto_destroy(client); }
  };
  const std::stop_token& stop_;
  std::optional<int> connack_;
  std::set<int> acknowledged_;
  std::unique_ptr<mosquitto, Destroy> client_;
};

}  // namespace

using hub::routing::Delivery;

std::string bridge_topic(const std::string& pattern, const storage::EventRow& event) {
  std::string topic = pattern;
  const auto fill = [&topic](std::string_view name, const std::string& value) {
    const std::string encoded = level(value);
    for (std::size_t at = topic.find(name); at != std::string::npos; at = topic.find(name, at + encoded.size())) {
      topic.replace(at, name.size(), encoded);
    }
  };
  // A device id may look like a place to fill, so it comes last; the others cannot.
  fill("{source}", event.source);
  fill("{moduleId}", event.module_id);
  fill("{deviceId}", event.device_id);
  return topic;
}

MqttBridge::MqttBridge(hub::routing::MqttSettings settings) : settings_(std::move(settings)) {}

Delivery MqttBridge::deliver(const std::vector<storage::EventRow>& events, std::stop_token stop) {
  std::size_t taken = 0;
  try {
    Session session(settings_, stop);
    std::vector<int> ids;
    for (const storage::EventRow& event : events) {
      ids.push_back(session.publish(bridge_topic(settings_.topic, event),
                                    settings_.whole_message ? stored_message(event) : event.body));
    }
    for (; taken < ids.size(); ++taken) session.await(ids[taken]);
    return {taken, {}};
  } catch (const std::runtime_error& error) {
    return {taken, settings_.host + " port " + std::to_string(settings_.port) + ": " + error.what()};
  }
}

}  // namespace iothub::app
