#include "emulator/simulate/simulation.h"

#include <poll.h>

#include <algorithm>
#include <deque>
#include <stdexcept>
#include <utility>

#include "emulator/simulate/mqtt_client.h"
#include "emulator/simulate/pattern.h"
#include "protocol/text/percent.h"

namespace iothub::simulate {
namespace {

using Clock = std::chrono::steady_clock;
using hub::Json;

constexpr std::chrono::seconds kReconnectDelay{2};
constexpr std::chrono::seconds kLastMessages{5};
constexpr std::chrono::milliseconds kTick{20};
/// A hub that is slow is not buried: no device has more unacknowledged messages.
constexpr std::uint64_t kMaxInFlight = 100;

Clock::duration ticks(std::chrono::duration<double> time) {
  return std::chrono::duration_cast<Clock::duration>(time);
}

double unix_now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string text_of(const Json& value) {
  return value.is_string() ? value.get<std::string>() : hub::dump(value);
}

}  // namespace

struct Simulation::Shared {
  DeviceTemplate device_template;
  SimulationOptions options;
  Progress progress{};
  bool ending = false;
};

class Simulation::Device final : public MqttClient {
 public:
  Device(Shared& shared, const std::string& name, std::uint64_t number)
      : MqttClient({shared.options.host, shared.options.address, shared.options.port, shared.options.ca_file, name,
                    "simulate"}),
        shared_(shared),
        generators_(name, number + 1) {}

  bool is_connected() const { return connected_; }
  std::size_t in_flight() const { return telemetry_.size(); }

  void be_read() { after(read()); }
  void be_written() { after(write()); }

  void begin() { come(); }

  void tick(Clock::time_point now) {
    if (socket() >= 0) after(misc());
    if (!connected_) {
      if (socket() < 0 && now >= connect_at_ && !shared_.ending) come();
      return;
    }
    while (!answers_.empty() && answers_.front().at <= now) {
      publish(answers_.front().topic, answers_.front().payload, 0);
      answers_.pop_front();
    }
    const DeviceTemplate& does = shared_.device_template;
    if (!does.reported.is_null() && now >= report_at_) {
      report();
      report_at_ = does.reported_every.count() > 0 ? now + ticks(does.reported_every) : Clock::time_point::max();
    }
    if (does.offline_every.count() > 0 && now >= offline_at_ && !shared_.ending) {
      connect_at_ = now + ticks(does.offline_for);
      leave();
    }
  }

  /// Answers false when it cannot now.
  bool send_telemetry() {
    if (!connected_ || telemetry_.size() >= kMaxInFlight) return false;
    std::string topic = events_topic() + "$.ct=application%2Fjson&$.ce=utf-8";
    const double now = unix_now();
    const DeviceTemplate& does = shared_.device_template;
    for (const auto& [name, pattern] : does.properties.items()) {
      const Json value = generators_.next(pattern, "properties/" + name, now);
      topic += "&" + text::percent_encode(name) + "=" + text::percent_encode(text_of(value));
    }
    const int message = publish(topic, hub::dump(generators_.next(does.body, "body", now)), 1);
    if (message == 0) return false;
    telemetry_.push_back(message);
    ++shared_.progress.sent;
    return true;
  }

 private:
  struct Answer {
    Clock::time_point at;
    std::string topic;
    std::string payload;
  };

  void come() {
    connect_at_ = Clock::now() + kReconnectDelay;
    if (!connect(shared_.options.password(id())).empty()) ++shared_.progress.refused;
  }

  void after(int code) {
    // libmosquitto has closed the socket and called ended() itself, but for a TLS handshake that failed.
    if (code != 0 && !connected_ && socket() < 0 && !told_) {
      told_ = true;
      ++shared_.progress.refused;
    }
  }

  void answered(int code) override {
    if (code != 0) {
      told_ = true;
      ++shared_.progress.refused;
      return;
    }
    told_ = false;
    connected_ = true;
    ++shared_.progress.connected;
    subscribe();
    const Clock::time_point now = Clock::now();
    report_at_ = now;
    offline_at_ = now + ticks(shared_.device_template.offline_every);
  }

  void ended(const std::string& why) override {
    if (std::exchange(connected_, false)) --shared_.progress.connected;
    if (!why.empty() && !shared_.ending) ++shared_.progress.lost;
    answers_.clear();
    telemetry_.clear();  // clean session: what was not acknowledged is not sent again
  }

  void acknowledged(int message) override {
    const auto found = std::find(telemetry_.begin(), telemetry_.end(), message);
    if (found == telemetry_.end()) return;
    telemetry_.erase(found);
    ++shared_.progress.acknowledged;
  }

  void received(std::string_view, std::string_view) override { ++shared_.progress.messages; }
  void desired_changed(std::string_view) override { ++shared_.progress.desired; }
  void twin_answered(int status, int) override {
    if (status / 100 != 2) ++shared_.progress.refused;
  }

  void called(const std::string& name, const std::string& request, std::string_view) override {
    const auto known = shared_.device_template.methods.find(name);
    const DeviceTemplate::Method nothing{.status = 404, .payload = {{"message", "the template has no such method"}}};
    const DeviceTemplate::Method& method = known == shared_.device_template.methods.end() ? nothing : known->second;
    Answer answer{Clock::now() + ticks(method.delay), method_answer_topic(method.status, request),
                  hub::dump(generators_.next(method.payload, "methods/" + name, unix_now()))};
    const auto later =
        std::find_if(answers_.begin(), answers_.end(), [&](const Answer& each) { return each.at > answer.at; });
    answers_.insert(later, std::move(answer));
    ++shared_.progress.methods;
  }

  void report() {
    const Json values = generators_.next(shared_.device_template.reported, "reported", unix_now());
    publish(reported_topic(++request_), hub::dump(values), 0);
    ++shared_.progress.reported;
  }

  Shared& shared_;
  Generators generators_;
  bool connected_ = false;
  bool told_ = false;
  Clock::time_point connect_at_{}, report_at_{}, offline_at_{};
  std::deque<Answer> answers_;  ///< by time
  std::vector<int> telemetry_;  ///< not acknowledged yet
  int request_ = 0;
};

Simulation::Simulation(DeviceTemplate device_template, SimulationOptions options)
    : shared_(std::make_unique<Shared>(Shared{std::move(device_template), std::move(options)})) {
  for (const std::string& id : shared_->options.devices) {
    devices_.push_back(std::make_unique<Device>(*shared_, id, devices_.size()));
  }
}

Simulation::~Simulation() {
  devices_.clear();
}

Progress Simulation::run(const std::atomic<bool>& stop, const std::function<void(const Progress&)>& show) {
  Progress& progress = shared_->progress;
  const double rate = shared_->options.rate;
  const Clock::time_point start = Clock::now();
  Clock::time_point last_wait{}, shown = start, ticked = start;
  double due = 0;
  std::size_t next_to_begin = 0, next_to_send = 0;
  std::vector<pollfd> polled;
  std::vector<Device*> owners;
  for (;;) {
    const Clock::time_point now = Clock::now();
    progress.elapsed = now - start;
    const auto duration = shared_->options.duration;
    if (!shared_->ending && (stop || (duration.count() > 0 && progress.elapsed >= duration))) {
      shared_->ending = true;
      last_wait = now + kLastMessages;
    }
    const bool all_acknowledged =
        std::all_of(devices_.begin(), devices_.end(), [](const auto& device) { return device->in_flight() == 0; });
    if (shared_->ending && (all_acknowledged || now >= last_wait)) break;

    // A few at a time: each handshake costs the hub a signature.
    for (int i = 0; i < 5 && next_to_begin < devices_.size() && !shared_->ending; ++i)
      devices_[next_to_begin++]->begin();
    for (std::size_t i = 0; i < next_to_begin; ++i) devices_[i]->tick(now);

    due = std::min(due + rate * std::chrono::duration<double>(now - std::exchange(ticked, now)).count(),
                   std::max(1.0, rate));  // what could not be sent for a second is not made up for
    for (std::size_t tried = 0; due >= 1 && tried < devices_.size() && !shared_->ending;) {
      if (devices_[next_to_send++ % devices_.size()]->send_telemetry()) {
        due -= 1;
        tried = 0;
      } else {
        ++tried;
      }
    }

    polled.clear();
    owners.clear();
    for (std::size_t i = 0; i < next_to_begin; ++i) {
      if (devices_[i]->socket() < 0) continue;
      const short events = static_cast<short>(POLLIN | (devices_[i]->wants_write() ? POLLOUT : 0));
      polled.push_back({devices_[i]->socket(), events, 0});
      owners.push_back(devices_[i].get());
    }
    ::poll(polled.data(), polled.size(), static_cast<int>(kTick.count()));
    for (std::size_t i = 0; i < polled.size(); ++i) {
      if ((polled[i].revents & (POLLIN | POLLHUP | POLLERR)) != 0) owners[i]->be_read();
      if ((polled[i].revents & POLLOUT) != 0 && owners[i]->socket() >= 0) owners[i]->be_written();
    }
    if (now - shown >= std::chrono::seconds(1)) {
      shown = now;
      show(progress);
    }
  }
  const Progress result = progress;  // with the connections that are there at the end
  for (const auto& device : devices_) device->leave();
  return result;
}

}  // namespace iothub::simulate
