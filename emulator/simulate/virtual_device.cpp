#include "emulator/simulate/virtual_device.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <set>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "emulator/simulate/mqtt_client.h"
#include "emulator/simulate/pattern.h"
#include "protocol/text/percent.h"

namespace iothub::simulate {
namespace {

using Clock = std::chrono::steady_clock;
using hub::Json;

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

std::string text_of(const Json& value) {
  return value.is_string() ? value.get<std::string>() : hub::dump(value);
}

/// JSON where it is, else the text.
Json body_of(std::string_view payload) {
  if (payload.empty()) return nullptr;
  hub::Result<Json> json = hub::parse_json(payload);
  return json ? std::move(*json) : Json(std::string(payload));
}

}  // namespace

class VirtualDevice::Client final : public MqttClient {
 public:
  Client(DeviceTemplate does, VirtualDeviceOptions options)
      : MqttClient({options.host, options.address, options.port, options.ca_file, options.id, "scenario"}),
        does_(std::move(does)),
        options_(std::move(options)),
        generators_(options_.id, 1) {}

  void come() {
    wanted_ = true;
    subscribed_ = 0;
    state_ = State::connecting;
    why_away_.clear();
    if (std::string why = connect(options_.password()); !why.empty()) lost(std::move(why));
  }

  void disconnect() {
    wanted_ = false;
    connect_at_.reset();
    leave();
  }

  int send(const Message& message) {
    if (state_ != State::connected) return 0;
    const double now = unix_now();
    const Json body = generators_.next(message.body, message.place + "/body", now);
    std::string topic = events_topic();
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
    return send_out(topic, text_of(body), 1);
  }

  int report(const Json& pattern, const std::string& place) {
    if (state_ != State::connected) return 0;
    const Json values = generators_.next(pattern, place, unix_now());
    const int request = ++request_;
    return send_out(reported_topic(request), hub::dump(values), 0) == 0 ? 0 : request;
  }

  void tick(Clock::time_point now) {
    if (socket() >= 0) misc();
    if (connect_at_ && now >= *connect_at_) {
      connect_at_.reset();
      come();
    }
    if (state_ != State::connected) return;
    if (!does_.reported.is_null() && now >= report_at_) {
      report(does_.reported, "reported");
      report_at_ = does_.reported_every.count() > 0 ? now + ticks(does_.reported_every) : Clock::time_point::max();
    }
    while (!answers_.empty() && answers_.begin()->first <= now) {
      const Answer answer = std::move(answers_.extract(answers_.begin()).mapped());
      send_out(answer.topic, answer.payload, 0);
      calls_.push_back(answer.call);
    }
  }

  /// libmosquitto tells nobody of a TLS handshake that failed.
  void look() {
    if (state_ != State::away && socket() < 0) lost("the TLS handshake failed");
  }

  struct Answer {
    std::string topic;
    std::string payload;
    Json call;
  };

  DeviceTemplate does_;
  const VirtualDeviceOptions options_;
  Generators generators_;
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
  void answered(int code) override {
    if (code != 0) {
      wanted_ = false;
      return lost("the hub refused it: CONNACK " + std::to_string(code));
    }
    subscribe();
  }

  void subscribed() override {
    if (++subscribed_ == kSubscriptions) arrived();
  }

  void acknowledged(int message) override { acknowledged_.insert(message); }

  void arrived() {
    state_ = State::connected;
    report_at_ = Clock::now();
  }

  void ended(const std::string& why) override {
    if (state_ == State::away) return;  // refused: told already
    lost(why.empty() ? "it left" : "the connection ended: " + why);
  }

  void lost(std::string why) {
    state_ = State::away;
    why_away_ = std::move(why);
    answers_.clear();
    if (wanted_ && options_.reconnect) connect_at_ = Clock::now() + ticks(*options_.reconnect);
  }

  void desired_changed(std::string_view payload) override {
    desired_.push_back({{"device", options_.id}, {"body", body_of(payload)}});
  }

  void called(const std::string& name, const std::string& request, std::string_view payload) override {
    const auto known = does_.methods.find(name);
    const DeviceTemplate::Method nothing{.status = 404, .payload = {{"message", "the device has no such method"}}};
    const DeviceTemplate::Method& method = known == does_.methods.end() ? nothing : known->second;
    answers_.emplace(
        Clock::now() + ticks(method.delay),
        Answer{method_answer_topic(method.status, request),
               hub::dump(generators_.next(method.payload, "methods/" + name, unix_now())),
               {{"device", options_.id}, {"method", name}, {"payload", body_of(payload)}, {"status", method.status}}});
  }

  void twin_answered(int status, int request) override { report_status_[request] = status; }

  void received(std::string_view bag, std::string_view payload) override {
    Json record{{"device", options_.id},
                {"body", body_of(payload)},
                {"properties", Json::object()},
                {"systemProperties", Json::object()}};
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

  /// As publish().
  int send_out(const std::string& topic, const std::string& payload, int qos) {
    const int message = publish(topic, payload, qos);
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
  client_->come();
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
    if (client.socket() < 0) continue;
    polled.push_back({client.socket(), static_cast<short>(POLLIN | (client.wants_write() ? POLLOUT : 0)), 0});
    owners.push_back(&client);
  }
  ::poll(polled.data(), polled.size(), static_cast<int>(longest.count()));
  for (std::size_t i = 0; i < polled.size(); ++i) {
    if ((polled[i].revents & (POLLIN | POLLHUP | POLLERR)) != 0) owners[i]->read();
    if ((polled[i].revents & POLLOUT) != 0 && owners[i]->socket() >= 0) owners[i]->write();
    owners[i]->tick(Clock::now());
    owners[i]->look();
  }
}

}  // namespace iothub::simulate
