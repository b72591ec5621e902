#include "emulator/app/simulations.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <exception>
#include <utility>
#include <vector>

#include "emulator/app/device_token.h"
#include "emulator/hub/etag.h"
#include "emulator/hub/registry.h"

namespace iothub::app {
namespace {

using hub::Json;

/// The device's primary key; it is made where it is missing.
hub::Result<std::string> key_of(hub::Hub& hub, const std::string& id) {
  const hub::Identity identity{{id}, {}};
  hub::Result<hub::IdentityView> view = hub.registry().get(identity);
  if (!view) view = hub.registry().put(identity, {}, hub::IfMatch::none());
  if (!view) return view.error();
  if (!view->row.primary_key) {
    return hub::argument_invalid("the device '" + id + "' has no key: a simulated device connects by its key");
  }
  return *view->row.primary_key;
}

/// A token for the device, by its key, whenever it connects.
std::function<std::string(const std::string&)> passwords(std::string host, std::map<std::string, std::string> keys) {
  return [host = std::move(host), keys = std::move(keys)](const std::string& id) {
    return device_token(host, id, keys.at(id)).value();
  };
}

}  // namespace

Simulations::~Simulations() {
  for (auto& [id, running] : by_id_) running->stop = true;
  for (auto& [id, running] : by_id_) {
    if (running->thread.joinable()) running->thread.join();
  }
}

hub::Result<Json> Simulations::start(hub::Hub& hub, const Endpoint& endpoint, Start start) {
  std::size_t running = 0;
  for (const auto& [id, each] : by_id_) {
    if (each->state == State::ended) continue;
    ++running;
    if (each->hub == hub.host_name() && each->what.prefix == start.prefix) {
      return hub::HubError{hub::ErrorCode::DeviceAlreadyExists,
                           "simulation " + std::to_string(id) + " has the devices '" + start.prefix + "-N' already",
                           {},
                           {}};
    }
  }
  if (running >= kMostRunning) {
    return hub::argument_invalid(std::to_string(kMostRunning) + " simulations run already: stop one first");
  }
  std::map<std::string, std::string> keys;
  simulate::SimulationOptions options;
  for (int number = 1; number <= start.count; ++number) {
    const std::string id = start.prefix + "-" + std::to_string(number);
    hub::Result<std::string> key = key_of(hub, id);
    if (!key) return key.error();
    keys[id] = std::move(*key);
    options.devices.push_back(id);
  }
  options.host = hub.host_name();
  options.address = endpoint.address;
  options.port = endpoint.port;
  options.ca_file = endpoint.ca_file;
  options.rate = start.rate;
  options.duration = start.duration;
  options.password = passwords(hub.host_name(), std::move(keys));

  const std::int64_t id = ++last_id_;
  Running& added = *(by_id_[id] = std::make_unique<Running>());
  added.hub = hub.host_name();
  added.what = std::move(start);
  added.simulation = std::make_unique<simulate::Simulation>(added.what.does, std::move(options));
  added.thread = std::thread([this, id, &added] { run(id, added); });
  spdlog::info("simulation {}: {} devices '{}-N', {} messages a second", id, added.what.count, added.what.prefix,
               added.what.rate);
  return json_of(id, added);
}

/// On the simulation's own thread: it touches nothing of the loop's but by post().
void Simulations::run(std::int64_t id, Running& running) {
  const auto show = [this, id](const simulate::Progress& progress) {
    loop_.post([this, id, progress] {
      if (const auto found = by_id_.find(id); found != by_id_.end()) found->second->progress = progress;
    });
  };
  std::string failure;
  try {
    show(running.simulation->run(running.stop, show));
  } catch (const std::exception& error) {
    failure = error.what();
  }
  loop_.post([this, id, failure] { ended(id, failure); });
}

void Simulations::ended(std::int64_t id, std::string failure) {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return;
  Running& running = *found->second;
  running.thread.join();
  running.simulation.reset();
  running.state = State::ended;
  running.failure = std::move(failure);
  spdlog::info("simulation {} has ended{}{}", id, running.failure.empty() ? "" : ": ", running.failure);
  if (running.is_forgotten) {
    by_id_.erase(found);
    return;
  }
  std::vector<std::int64_t> over;
  for (const auto& [each, simulation] : by_id_) {
    if (simulation->state == State::ended) over.push_back(each);
  }
  if (over.size() > kMostEnded) by_id_.erase(over.front());
}

Json Simulations::json_of(std::int64_t id, const Running& running) const {
  const simulate::Progress& progress = running.progress;
  Json json{{"id", id},
            {"state", running.state == State::running    ? "running"
                      : running.state == State::stopping ? "stopping"
                                                         : "ended"},
            {"prefix", running.what.prefix},
            {"devices", running.what.count},
            {"rate", running.what.rate},
            {"seconds", progress.elapsed.count()},
            {"connected", running.state == State::ended ? 0 : progress.connected},
            {"sent", progress.sent},
            {"acknowledged", progress.acknowledged},
            {"reported", progress.reported},
            {"desired", progress.desired},
            {"methods", progress.methods},
            {"messages", progress.messages},
            {"refused", progress.refused},
            {"lost", progress.lost}};
  if (running.what.duration.count() > 0) json["duration"] = running.what.duration.count();
  if (!running.failure.empty()) json["failure"] = running.failure;
  return json;
}

Json Simulations::list(const hub::Hub& hub) const {
  Json list = Json::array();
  for (const auto& [id, running] : by_id_) {
    if (running->hub == hub.host_name() && !running->is_forgotten) list.push_back(json_of(id, *running));
  }
  return {{"simulations", std::move(list)}};
}

hub::Result<void> Simulations::remove(const hub::Hub& hub, std::int64_t id) {
  const auto found = by_id_.find(id);
  if (found == by_id_.end() || found->second->hub != hub.host_name() || found->second->is_forgotten) {
    return hub::HubError{hub::ErrorCode::GenericNotFound, "there is no simulation " + std::to_string(id), {}, {}};
  }
  Running& running = *found->second;
  if (running.state == State::ended) {
    by_id_.erase(found);
    return {};
  }
  running.is_forgotten = true;
  running.state = State::stopping;
  running.stop = true;
  return {};
}

void Simulations::stop_all(const hub::Hub& hub) {
  for (auto& [id, running] : by_id_) {
    if (running->hub != hub.host_name() || running->state != State::running) continue;
    running->state = State::stopping;
    running->stop = true;
  }
}

}  // namespace iothub::app
