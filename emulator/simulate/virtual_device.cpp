#include "emulator/simulate/virtual_device.h"

#include <mosquitto.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <set>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "emulator/simulate/pattern.h"
#include "protocol/text/percent.h"

namespace iothub::simulate {
namespace {

using Clock = std::chrono::steady_clock;
using hub::Json;

constexpr std::string_view kMethodTopic = "$iothub/methods/POST/";
constexpr std::string_view kTwinAnswerTopic = "$iothub/twin/res/";
constexpr std::string_view kDesiredTopic = "$iothub/twin/PATCH/properties/desired/";
constexpr int kSubscriptions = 4;
constexpr int kKeepAliveSeconds = 60;

struct SystemProperty {
  std::string_view topic;     ///< as MQTT topics abbreviate it
  std::string_view scenario;  ///< as people write it
  std::string_view amqp;
};
constexpr std::array<SystemProperty, 7> kSystemProperties{{
    {"$.mid", "messageId", "message-id"},
    {"$.cid", "correlationId", "correlation-id"},
    {"$.uid", "userId", "user-id"},
    {"$.ct", "contentType", "content-type"},
    {"$.ce", "contentEncoding", "content-encoding"},
    {"$.to", "to", "to"},
    {"$.exp", "absoluteExpiryTime", "absolute-expiry-time"},
}};

Clock::duration ticks(std::chrono::duration<double> time) {
  return std::chrono::duration_cast<Clock::duration>(time);
}

double unix_now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

void require(int code, const char* what) {
  if (code != MOSQ_ERR_SUCCESS) throw std::runtime_error(std::string(what) + ": " + mosquitto_strerror(code));
}

std::string text_of(const Json& value) {
  return value.is_string() ? value.get<std::string>() : hub::dump(value);
}

/// JSON where it is, else the text.
Json body_of(const mosquitto_message& message) {
  const std::string text(static_cast<const char*>(message.payload), static_cast<std::size_t>(message.payloadlen));
  if (text.empty()) return nullptr;
  hub::Result<Json> json = hub::parse_json(text);
  return json ? std::move(*json) : Json(text);
}

/// The global state of libmosquitto, for as long as a device is there.
struct Library {
  Library() { mosquitto_lib_init(); }
  ~Library() { mosquitto_lib_cleanup(); }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;
};

}  // namespace

class VirtualDevice::Client {
 public:
  Client(DeviceTemplate does, VirtualDeviceOptions options)
      : does_(std::move(does)), options_(std::move(options)), generators_(options_.id, 1) {
    client_ = mosquitto_new(options_.id.c_str(), true, this);
    if (client_ == nullptr) throw std::runtime_error("libmosquitto has no memory for a client");
    require(mosquitto_tls_set(client_, options_.ca_file.c_str(), nullptr, nullptr, nullptr, nullptr),
            "the hub's CA file cannot be used");
    require(mosquitto_int_option(client_, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V311), "MQTT 3.1.1");
    mosquitto_max_inflight_messages_set(client_, 0);
    mosquitto_connect_callback_set(
        client_, [](mosquitto*, void* self, int code) { static_cast<Client*>(self)->answered(code); });
    mosquitto_disconnect_callback_set(
        client_, [](mosquitto*, void* self, int code) { static_cast<Client*>(self)->ended(code); });
    mosquitto_publish_callback_set(client_, [](mosquitto*, void* self, int message) {
      static_cast<Client*>(self)->acknowledged_.insert(message);
    });
    mosquitto_subscribe_callback_set(client_, [](mosquitto*, void* self, int, int, const int*) {
      Client& device = *static_cast<Client*>(self);
      if (++device.subscribed_ == kSubscriptions) device.arrived();
    });
    mosquitto_message_callback_set(client_, [](mosquitto*, void* self, const mosquitto_message* message) {
      static_cast<Client*>(self)->received(*message);
    });
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() { mosquitto_destroy(client_); }

  void connect() {
    wanted_ = true;
    subscribed_ = 0;
    state_ = State::connecting;
    why_away_.clear();
    const std::string user =
        options_.host + "/" + options_.id + "/?api-version=2021-04-12&DeviceClientType=iothub-emulator%20scenario";
    require(mosquitto_username_pw_set(client_, user.c_str(), options_.password().c_str()), "user name and password");
    const int code = mosquitto_connect(client_, options_.address.c_str(), options_.port, kKeepAliveSeconds);
    if (code != MOSQ_ERR_SUCCESS) lost(mosquitto_strerror(code));
  }

  void disconnect() {
    wanted_ = false;
    connect_at_.reset();
    if (mosquitto_socket(client_) >= 0) mosquitto_disconnect(client_);
  }

  int send(const Message& message) {
    if (state_ != State::connected) return 0;
    const double now = unix_now();
    const Json body = generators_.next(message.body, message.place + "/body", now);
    std::string topic = "devices/" + options_.id + "/messages/events/";
    const char* separator = "";
    const auto add = [&](std::string_view name, const std::string& value) {
      topic += separator + std::string(name) + "=" + text::percent_encode(value);
      separator = "&";
    };
    for (const SystemProperty& each : kSystemProperties) {
      const auto said = message.system.find(each.scenario);
      if (said != message.system.end()) {
        add(each.topic, said->get<std::string>());
      } else if (!body.is_string() && each.topic == "$.ct") {
        add(each.topic, "application/json");
      } else if (!body.is_string() && each.topic == "$.ce") {
        add(each.topic, "utf-8");
      }
    }
    for (const auto& [name, pattern] : message.properties.items()) {
      add(text::percent_encode(name), text_of(generators_.next(pattern, message.place + "/properties/" + name, now)));
    }
    return publish(topic, text_of(body), 1);
  }

  int report(const Json& pattern, const std::string& place) {
    if (state_ != State::connected) return 0;
    const Json values = generators_.next(pattern, place, unix_now());
    const int request = ++request_;
    const std::string topic = "$iothub/twin/PATCH/properties/reported/?$rid=" + std::to_string(request);
    return publish(topic, hub::dump(values), 0) == 0 ? 0 : request;
  }

  void tick(Clock::time_point now) {
    if (mosquitto_socket(client_) >= 0) mosquitto_loop_misc(client_);
    if (connect_at_ && now >= *connect_at_) {
      connect_at_.reset();
      connect();
    }
    if (state_ != State::connected) return;
    if (!does_.reported.is_null() && now >= report_at_) {
      report(does_.reported, "reported");
      report_at_ = does_.reported_every.count() > 0 ? now + ticks(does_.reported_every) : Clock::time_point::max();
    }
    while (!answers_.empty() && answers_.begin()->first <= now) {
      const Answer answer = std::move(answers_.extract(answers_.begin()).mapped());
      publish(answer.topic, answer.payload, 0);
      calls_.push_back(answer.call);
    }
  }

  void read() { mosquitto_loop_read(client_, 1); }
  void write() { mosquitto_loop_write(client_, 1); }
  /// libmosquitto tells nobody of a TLS handshake that failed.
  void look() {
    if (state_ != State::away && mosquitto_socket(client_) < 0) lost("the TLS handshake failed");
  }

  struct Answer {
    std::string topic;
    std::string payload;
    Json call;
  };

  DeviceTemplate does_;
  const VirtualDeviceOptions options_;
  Library library_{};
  Generators generators_;
  mosquitto* client_ = nullptr;
  State state_ = State::away;
  std::string why_away_ = "it was not told to connect";
  bool wanted_ = false;
  int subscribed_ = 0;
  int request_ = 0;
  std::optional<Clock::time_point> connect_at_;
  Clock::time_point report_at_{};
  std::multimap<Clock::time_point, Answer> answers_;
  std::set<int> acknowledged_;
  std::map<int, int> report_status_;
  std::vector<Json> messages_, desired_, calls_;

 private:
  void answered(int code) {
    if (code != 0) {
      wanted_ = false;
      return lost("the hub refused it: CONNACK " + std::to_string(code));
    }
    const std::string c2d = "devices/" + options_.id + "/messages/devicebound/#";
    for (const char* topic :
         {"$iothub/methods/POST/#", "$iothub/twin/res/#", "$iothub/twin/PATCH/properties/desired/#"}) {
      mosquitto_subscribe(client_, nullptr, topic, 0);
    }
    mosquitto_subscribe(client_, nullptr, c2d.c_str(), 1);
  }

  void arrived() {
    state_ = State::connected;
    report_at_ = Clock::now();
  }

  void ended(int code) {
    if (state_ == State::away) return;  // refused: told already
    lost(code == 0 ? "it left" : std::string("the connection ended: ") + mosquitto_strerror(code));
  }

  void lost(std::string why) {
    state_ = State::away;
    why_away_ = std::move(why);
    answers_.clear();
    if (wanted_ && options_.reconnect) connect_at_ = Clock::now() + ticks(*options_.reconnect);
  }

  void received(const mosquitto_message& message) {
    const std::string_view topic = message.topic;
    if (topic.starts_with(kMethodTopic)) {
      called(topic.substr(kMethodTopic.size()), body_of(message));
    } else if (topic.starts_with(kTwinAnswerTopic)) {
      twin_answered(topic.substr(kTwinAnswerTopic.size()));
    } else if (topic.starts_with(kDesiredTopic)) {
      desired_.push_back({{"device", options_.id}, {"body", body_of(message)}});
    } else {
      take_message(topic, message);
    }
  }

  /// `NAME/?$rid=ID`
  void called(std::string_view rest, Json payload) {
    const std::string name = text::percent_decode(rest.substr(0, rest.find('/'))).value_or(std::string());
    const std::size_t rid = rest.find("?$rid=");
    if (rid == rest.npos) return;
    const auto known = does_.methods.find(name);
    const DeviceTemplate::Method nothing{.status = 404, .payload = {{"message", "the device has no such method"}}};
    const DeviceTemplate::Method& method = known == does_.methods.end() ? nothing : known->second;
    answers_.emplace(
        Clock::now() + ticks(method.delay),
        Answer{
            "$iothub/methods/res/" + std::to_string(method.status) + "/" + std::string(rest.substr(rid)),
            hub::dump(generators_.next(method.payload, "methods/" + name, unix_now())),
            {{"device", options_.id}, {"method", name}, {"payload", std::move(payload)}, {"status", method.status}}});
  }

  /// `STATUS/?$rid=ID` with more behind it.
  void twin_answered(std::string_view rest) {
    const std::size_t rid = rest.find("$rid=");
    if (rid == rest.npos) return;
    report_status_[std::atoi(std::string(rest.substr(rid + 5)).c_str())] = std::atoi(std::string(rest).c_str());
  }

  /// `devices/ID/messages/devicebound/NAME=VALUE&...`
  void take_message(std::string_view topic, const mosquitto_message& message) {
    Json record{{"device", options_.id},
                {"body", body_of(message)},
                {"properties", Json::object()},
                {"systemProperties", Json::object()}};
    std::string_view bag = topic.substr(std::min(topic.find("/devicebound/") + 13, topic.size()));
    while (!bag.empty()) {
      const std::string_view pair = bag.substr(0, bag.find('&'));
      bag.remove_prefix(std::min(pair.size() + 1, bag.size()));
      const std::size_t equals = std::min(pair.find('='), pair.size());
      const std::string name = text::percent_decode(pair.substr(0, equals)).value_or(std::string());
      const std::string value =
          text::percent_decode(pair.substr(std::min(equals + 1, pair.size()))).value_or(std::string());
      const auto known = std::find_if(kSystemProperties.begin(), kSystemProperties.end(),
                                      [&](const SystemProperty& each) { return each.topic == name; });
      if (known != kSystemProperties.end()) {
        record["systemProperties"][std::string(known->amqp)] = value;
      } else {
        record[name.starts_with("iothub-") ? "systemProperties" : "properties"][name] = value;
      }
    }
    messages_.push_back(std::move(record));
  }

  /// The packet id; 0 when it could not be queued.
  int publish(const std::string& topic, const std::string& payload, int qos) {
    int message = 0;
    const int code = mosquitto_publish(client_, &message, topic.c_str(), static_cast<int>(payload.size()),
                                       payload.data(), qos, false);
    if (code != MOSQ_ERR_SUCCESS) return 0;
    acknowledged_.erase(message);  // of an earlier round of packet ids
    return message;
  }
};

VirtualDevice::VirtualDevice(DeviceTemplate does, VirtualDeviceOptions options)
    : client_(std::make_unique<Client>(std::move(does), std::move(options))) {}

VirtualDevice::~VirtualDevice() = default;

const std::string& VirtualDevice::id() const {
  return client_->options_.id;
}

const DeviceTemplate& VirtualDevice::does() const {
  return client_->does_;
}

VirtualDevice::State VirtualDevice::state() const {
  return client_->state_;
}

const std::string& VirtualDevice::why_away() const {
  return client_->why_away_;
}

void VirtualDevice::connect() {
  client_->connect();
}

void VirtualDevice::disconnect() {
  client_->disconnect();
}

int VirtualDevice::send(const Message& message) {
  return client_->send(message);
}

bool VirtualDevice::acknowledged(int message) const {
  return client_->acknowledged_.contains(message);
}

int VirtualDevice::report(const Json& pattern, const std::string& place) {
  return client_->report(pattern, place);
}

std::optional<int> VirtualDevice::report_status(int request) const {
  const auto found = client_->report_status_.find(request);
  return found == client_->report_status_.end() ? std::nullopt : std::optional(found->second);
}

void VirtualDevice::answer(const std::string& method, DeviceTemplate::Method with) {
  client_->does_.methods[method] = std::move(with);
}

const std::vector<Json>& VirtualDevice::messages() const {
  return client_->messages_;
}

const std::vector<Json>& VirtualDevice::desired() const {
  return client_->desired_;
}

const std::vector<Json>& VirtualDevice::calls() const {
  return client_->calls_;
}

void VirtualDevice::work(std::span<const std::unique_ptr<VirtualDevice>> devices, std::chrono::milliseconds longest) {
  std::vector<pollfd> polled;
  std::vector<Client*> owners;
  for (const auto& device : devices) {
    Client& client = *device->client_;
    client.tick(Clock::now());
    client.look();
    const int socket = mosquitto_socket(client.client_);
    if (socket < 0) continue;
    polled.push_back({socket, static_cast<short>(POLLIN | (mosquitto_want_write(client.client_) ? POLLOUT : 0)), 0});
    owners.push_back(&client);
  }
  ::poll(polled.data(), polled.size(), static_cast<int>(longest.count()));
  for (std::size_t i = 0; i < polled.size(); ++i) {
    if ((polled[i].revents & (POLLIN | POLLHUP | POLLERR)) != 0) owners[i]->read();
    if ((polled[i].revents & POLLOUT) != 0 && mosquitto_socket(owners[i]->client_) >= 0) owners[i]->write();
    owners[i]->tick(Clock::now());
    owners[i]->look();
  }
}

}  // namespace iothub::simulate
