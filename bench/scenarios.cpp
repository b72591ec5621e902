#include "bench/scenarios.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <stdexcept>
#include <stop_token>
#include <system_error>
#include <thread>
#include <utility>

#include "bench/connection.h"
#include "bench/cost.h"
#include "bench/devices.h"
#include "bench/measured.h"
#include "bench/mqtt_client.h"
#include "bench/rest_client.h"

namespace iothub::bench {
namespace {

using namespace std::chrono_literals;

double milliseconds(std::int64_t ns) {
  return static_cast<double>(ns) / 1e6;
}

Filter patches_of(const Target& target) {
  return [&target](std::size_t device) { return target.patch_filter(device); };
}

/// REST connections, open, each with its number.
std::vector<std::unique_ptr<RestClient>> connect_services(EventLoop& loop, const Target& hub, std::size_t count) {
  std::vector<std::unique_ptr<RestClient>> services;
  for (std::size_t i = 0; i < count; ++i) {
    services.push_back(std::make_unique<RestClient>(loop, hub.https(), hub.service_token()));
    services.back()->open();
  }
  const auto all_open = [&] {
    return std::all_of(services.begin(), services.end(), [](auto& s) { return s->is_open(); });
  };
  loop.run_until(all_open, kLimit, "REST connections");
  return services;
}

/// Asks for one patch at a time of a device, by whatever means the target has.
class Patcher {
 public:
  virtual ~Patcher() = default;
  virtual void patch(std::size_t device, std::size_t number) = 0;

  std::size_t answered = 0;
};

class RestPatcher : public Patcher {
 public:
  RestPatcher(EventLoop& loop, const Target& hub, std::size_t in_flight)
      : services_(connect_services(loop, hub, in_flight)) {
    for (auto& service : services_) {
      idle_.push_back(service.get());
      service->on_answer = [this, free = service.get()] {
        ++answered;
        idle_.push_back(free);
      };
    }
  }

  void patch(std::size_t device, std::size_t number) override {
    RestClient& service = *idle_.back();
    idle_.pop_back();
    // Never what an earlier run has left there.
    const std::string value = std::to_string(now_ns()) + std::to_string(number);
    service.request("PATCH", "/twins/" + Target::device_id(device) + "?api-version=2021-04-12",
                    R"({"properties":{"desired":{"bench":")" + value + R"("}}})");
  }

 private:
  std::vector<std::unique_ptr<RestClient>> services_;
  std::vector<RestClient*> idle_;
};

class BrokerPatcher : public Patcher {
 public:
  BrokerPatcher(EventLoop& loop, const Target& broker)
      : publisher_(loop, broker.mqtts(),
                   [] { return Credentials{.client_id = "bench-publisher", .user_name = {}, .password = {}}; }) {
    bool connected = false;
    publisher_.on_connected = [&connected] { connected = true; };
    publisher_.on_puback = [this](std::uint16_t) { ++answered; };
    publisher_.open();
    loop.run_until([&connected] { return connected; }, kLimit, "publisher connects");
    publisher_.on_connected = nullptr;
  }

  void patch(std::size_t device, std::size_t number) override {
    publisher_.publish(Target::broker_patch_topic(device, number),
                       R"({"bench":")" + std::to_string(now_ns()) + R"(","$version":)" + std::to_string(number) + "}");
  }

 private:
  MqttClient publisher_;
};

/// Connects once; false while nothing listens. A CONNACK that refuses is an answer: a new hub has no devices.
bool answers(const Target& target) {
  EventLoop loop;
  bool answered = false;
  bool lost = false;
  MqttClient device(loop, target.mqtts(), [&target] { return target.credentials(0); });
  device.on_connected = [&answered] { answered = true; };
  device.on_lost = [&](const std::string& reason) { (reason.starts_with("CONNACK") ? answered : lost) = true; };
  device.open();
  loop.run_until([&] { return answered || lost; }, kLimit, "first answer");
  return answered;
}

pid_t spawn(const std::vector<std::string>& command) {
  std::vector<char*> arguments;
  for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  // Standard error stays: it says why a server did not start.
  for (int descriptor : {0, 1}) posix_spawn_file_actions_addopen(&files, descriptor, "/dev/null", O_RDWR, 0);
  pid_t process = 0;
  const int error = posix_spawnp(&process, arguments[0], &files, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  if (error != 0) throw std::system_error(error, std::generic_category(), command[0]);
  return process;
}

/// A server that is killed when it has not been stopped.
class Server {
 public:
  explicit Server(const std::vector<std::string>& command) : process_(spawn(command)) {}
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() {
    if (process_ <= 0) return;
    kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
  }

  pid_t process() const { return process_; }

  void expect_alive() {
    int status = 0;
    if (waitpid(process_, &status, WNOHANG) == 0) return;
    process_ = 0;
    throw std::runtime_error("the server ended at its start");
  }

  void stop() {
    kill(process_, SIGTERM);
    int status = 0;
    waitpid(process_, &status, 0);
    process_ = 0;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) throw std::runtime_error("the server did not stop well");
  }

 private:
  pid_t process_;
};

}  // namespace

Figures provision(const Target& hub) {
  EventLoop loop;
  auto services = connect_services(loop, hub, 8);
  const Measured measured(hub.process());
  std::size_t requested = 0;
  std::size_t answered = 0;
  const auto request_next = [&](RestClient& service) {
    if (requested == kDevices) return;
    const std::string id = Target::device_id(requested++);
    const std::string key(Target::device_key());
    service.request("PUT", "/devices/" + id + "?api-version=2021-04-12",
                    R"({"deviceId":")" + id +
                        R"(","status":"enabled","authentication":{"type":"sas","symmetricKey":{"primaryKey":")" + key +
                        R"(","secondaryKey":")" + key + R"("}}})");
  };
  for (auto& service : services) {
    service->on_answer = [&, free = service.get()] {
      ++answered;
      request_next(*free);
    };
    request_next(*service);
  }
  loop.run_until([&] { return answered == kDevices; }, kLimit, "devices are registered");
  return measured.rate(kDevices);
}

Figures telemetry(const Target& target, const Telemetry& load) {
  EventLoop loop;
  const Endpoint endpoint = load.websocket ? target.websocket() : target.mqtts();
  Devices devices = connect_devices(loop, target, endpoint, load.connections);
  const std::string payload(load.payload_bytes, '{');
  Timed timed;
  timed.latencies.reserve(1'000'000);
  std::vector<std::vector<std::int64_t>> sent_ns(load.connections, std::vector<std::int64_t>(1 << 16));
  const auto publish = [&](std::size_t i) {
    const std::int64_t now = now_ns();
    sent_ns[i][devices[i]->publish(Target::telemetry_topic(i), payload)] = now;
  };
  for (std::size_t i = 0; i < load.connections; ++i) {
    devices[i]->on_puback = [&, i](std::uint16_t packet_id) {
      timed.add(now_ns() - sent_ns[i][packet_id]);
      publish(i);
    };
    for (std::size_t n = 0; n < load.window; ++n) publish(i);
  }
  const auto run_for = [&loop](Seconds time) { loop.run_for(time); };
  return measure(target.process(), timed, run_for, load.warm_up, load.duration);
}

Figures connects(const Target& target, const Connects& load) {
  EventLoop loop;
  Devices devices;
  std::vector<MqttClient*> closed;
  std::size_t next = 0;
  Timed timed;
  for (std::size_t i = 0; i < load.at_once; ++i) {
    devices.push_back(std::make_unique<MqttClient>(loop, target.mqtts(),
                                                   [&target, &next] { return target.credentials(next++ % kDevices); }));
    MqttClient& device = *devices.back();
    device.on_connected = [&] {
      timed.add(now_ns() - device.open_started_ns());
      device.disconnect();
      closed.push_back(&device);
    };
    closed.push_back(&device);
  }
  const auto run_for = [&](Seconds duration) {
    const auto end = std::chrono::steady_clock::now() + duration;
    while (std::chrono::steady_clock::now() < end) {
      for (MqttClient* device : std::exchange(closed, {})) device->open();
      loop.poll(10ms);
    }
  };
  return measure(target.process(), timed, run_for, load.warm_up, load.duration);
}

Figures idle_memory(const Target& target) {
  EventLoop loop;
  const long before = resident_kib(target.process());
  const Devices devices = connect_devices(loop, target, target.mqtts(), kDevices, patches_of(target));
  loop.run_for(1s);  // what the server frees a little later is not the price of a connection
  return memory_each(before, resident_kib(target.process()));
}

Figures deliveries(const Target& target, const Deliveries& load) {
  if (load.in_flight == 0 || load.in_flight > load.devices) throw std::runtime_error("more in flight than devices");
  EventLoop loop;
  Devices devices = connect_devices(loop, target, target.mqtts(), load.devices, patches_of(target));
  std::unique_ptr<Patcher> patcher;
  if (target.is_hub()) {
    patcher = std::make_unique<RestPatcher>(loop, target, load.in_flight);
  } else {
    patcher = std::make_unique<BrokerPatcher>(loop, target);
  }

  std::vector<std::int64_t> sent_ns(load.devices);
  Latencies latencies;
  for (std::size_t i = 0; i < load.devices; ++i) {
    devices[i]->on_publish = [&, i](std::string_view) { latencies.add(now_ns() - sent_ns[i]); };
  }
  std::size_t sent = 0;
  const Measured measured(target.process());
  const auto done = [&] {
    const auto complete = [&] { return std::min(patcher->answered, latencies.count()); };
    while (sent < load.count && sent - complete() < load.in_flight) {
      const std::size_t device = sent % load.devices;
      sent_ns[device] = now_ns();
      patcher->patch(device, ++sent);
    }
    return complete() == load.count;
  };
  loop.run_until(done, kLimit, "patches arrive");
  Figures figures = measured.rate(load.count);
  figures["total_ms"] = measured.seconds() * 1000;
  add(figures, latencies);
  return figures;
}

namespace {

/// So that each is found again by a query: of `fleet-000123` the plant is p23.
std::string fleet_entry(std::size_t device) {
  std::string number = std::to_string(device);
  number.insert(0, 6 - std::min<std::size_t>(6, number.size()), '0');
  return R"({"id":"fleet-)" + number +
         R"(","importMode":"createOrUpdate","status":"enabled","tags":{"place":{"plant":"p)" +
         std::to_string(device % 100) + R"(","floor":)" + std::to_string(device % 7) + R"(},"number":)" +
         std::to_string(device) + R"(},"properties":{"desired":{"interval":30,"mode":"normal"}}})";
}

struct Request {
  std::string method;
  std::string path;
  std::string body;
};

/// One request after the other on each of some connections.
class Askers {
 public:
  Askers(EventLoop& loop, const Target& hub, std::size_t count) : services_(connect_services(loop, hub, count)) {}

  void start(const std::function<Request(std::size_t connection)>& next, Latencies& latencies) {
    stopped_ = false;
    begun_.assign(services_.size(), 0);
    for (std::size_t i = 0; i < services_.size(); ++i) {
      const auto ask = [this, i, next] {
        const Request request = next(i);
        begun_[i] = now_ns();
        services_[i]->request(request.method, request.path, request.body);
      };
      services_[i]->on_answer = [this, i, ask, &latencies] {
        latencies.add(now_ns() - begun_[i]);
        begun_[i] = 0;
        if (!stopped_) ask();
      };
      ask();
    }
  }

  /// Until the last answer is there.
  void stop(EventLoop& loop) {
    stopped_ = true;
    const auto all_answered = [this] {
      return std::all_of(begun_.begin(), begun_.end(), [](std::int64_t begun) { return begun == 0; });
    };
    loop.run_until(all_answered, kLimit, "the last answers");
  }

 private:
  std::vector<std::unique_ptr<RestClient>> services_;
  std::vector<std::int64_t> begun_;  ///< 0: answered
  bool stopped_ = false;
};

void register_fleet(EventLoop& loop, const Target& hub, std::size_t count) {
  constexpr std::size_t kEntriesOfABulk = 100;
  const auto service = std::move(connect_services(loop, hub, 1).front());
  std::size_t registered = 0;
  bool answered = true;
  service->on_answer = [&] { answered = true; };
  const auto done = [&] {
    if (!answered || registered >= count) return answered;
    std::string body = "[";
    for (std::size_t i = 0; i < kEntriesOfABulk && registered < count; ++i, ++registered) {
      body += (i == 0 ? "" : ",") + fleet_entry(registered);
    }
    answered = false;
    service->request("POST", "/devices?api-version=2021-04-12", body + "]");
    return false;
  };
  loop.run_until(done, 10 * kLimit, "a fleet is registered");
}

/// What `askers` do at most, warm-up aside.
Figures rate_of(EventLoop& loop, const Target& server, Askers& askers,
                const std::function<Request(std::size_t connection)>& next, Seconds warm_up, Seconds duration) {
  Latencies warm, latencies;
  latencies.reserve(1'000'000);
  askers.start(next, warm);
  loop.run_for(warm_up);
  askers.stop(loop);
  askers.start(next, latencies);
  const Measured measured(server.process());
  loop.run_for(duration);
  Figures figures = measured.rate(latencies.count());
  add(figures, latencies);
  askers.stop(loop);
  return figures;
}

std::string numbered(std::string text, std::int64_t number) {
  constexpr std::string_view place = "{n}";
  for (std::size_t at = text.find(place); at != std::string::npos; at = text.find(place, at)) {
    text.replace(at, place.size(), std::to_string(number));
  }
  return text;
}

}  // namespace

Figures requests(const Target& server, const Requests& load) {
  EventLoop loop;
  Askers askers(loop, server, load.connections);
  std::int64_t number = now_ns();
  const auto next = [&](std::size_t) {
    ++number;
    return Request{load.method, numbered(load.path, number), numbered(load.body, number)};
  };
  return rate_of(loop, server, askers, next, load.warm_up, load.duration);
}

Figures methods(const Target& hub, const Methods& load) {
  EventLoop loop;
  Devices devices =
      connect_devices(loop, hub, hub.mqtts(), load.devices, [](std::size_t) { return "$iothub/methods/POST/#"; });
  for (auto& device : devices) {
    device->on_publish = [free = device.get()](std::string_view topic) {
      free->publish("$iothub/methods/res/200/" + std::string(topic.substr(topic.find("?$rid="))), "{}");
    };
  }
  Askers askers(loop, hub, load.devices);
  const auto next = [](std::size_t device) {
    return Request{"POST", "/twins/" + Target::device_id(device) + "/methods?api-version=2021-04-12",
                   R"({"methodName":"echo","responseTimeoutInSeconds":30,"payload":{}})"};
  };
  return rate_of(loop, hub, askers, next, load.warm_up, load.duration);
}

Figures queries(const Target& hub, const Queries& load) {
  struct Kind {
    std::string name;
    std::string query;
    std::size_t at_once = 1;
    std::string path = "/devices/query?api-version=2021-04-12";
  };
  const std::string everywhere = "SELECT COUNT() AS n FROM devices WHERE properties.desired.interval > 30";
  const std::vector<Kind> kinds{
      {"scan", everywhere},
      {"groups", "SELECT tags.place.plant AS plant, COUNT() AS n FROM devices GROUP BY tags.place.plant"},
      {"page", "SELECT * FROM devices"},
      {"indexed", "SELECT * FROM devices WHERE tags.place.plant = 'p42'"},
      {"many", everywhere, 20},
      {"explain", everywhere, 1, "/_emulator/explain/query"}};
  EventLoop loop;
  register_fleet(loop, hub, load.devices);

  Figures figures{{"devices", load.devices}};
  Askers others(loop, hub, 1);
  const auto measure_others = [&](const std::string& name, const auto& beside) {
    Latencies latencies;
    others.start(
        [](std::size_t) {
          return Request{"GET", "/devices/fleet-000042?api-version=2021-04-12", {}};
        },
        latencies);
    beside();
    others.stop(loop);
    figures[name + "_others_p50_us"] = latencies.percentile_us(50);
    figures[name + "_others_p99_us"] = latencies.percentile_us(99);
    figures[name + "_others_max_us"] = latencies.percentile_us(100);
  };
  measure_others("idle", [&] { loop.run_for(load.duration); });
  // As busy a machine without any query: what of a wait is not the hub's.
  measure_others("busy", [&] {
    const std::jthread spinning([](const std::stop_token& over) {
      while (!over.stop_requested()) {
      }
    });
    loop.run_for(load.duration);
  });
  for (const Kind& kind : kinds) {
    Latencies latencies;
    Askers queries(loop, hub, kind.at_once);
    measure_others(kind.name, [&] {
      const std::string body = R"({"query":")" + kind.query + R"("})";
      queries.start([&kind, &body](std::size_t) { return Request{"POST", kind.path, body}; }, latencies);
      loop.run_for(load.duration);
      queries.stop(loop);
    });
    figures[kind.name + "_ms"] = latencies.percentile_us(50) / 1000;
  }
  return figures;
}

Figures start(const Target& target, const std::vector<std::string>& command, Seconds settle) {
  if (answers(target)) throw std::runtime_error("something answers on that port already");
  const std::int64_t begin = now_ns();
  Server server(command);
  while (!answers(target)) {
    server.expect_alive();
    if (now_ns() - begin > std::chrono::nanoseconds(kLimit).count())
      throw std::runtime_error("the server does not answer");
    std::this_thread::sleep_for(200us);
  }
  const std::int64_t answered = now_ns();
  const std::int64_t cpu = cpu_ns(server.process());
  std::this_thread::sleep_for(settle);
  const long resident = resident_kib(server.process());
  const std::int64_t terminated = now_ns();
  server.stop();
  return {{"first_answer_ms", milliseconds(answered - begin)},
          {"start_cpu_ms", milliseconds(cpu)},
          {"idle_resident_kib", resident},
          {"stop_ms", milliseconds(now_ns() - terminated)}};
}

}  // namespace iothub::bench
