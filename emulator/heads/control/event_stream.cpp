#include "emulator/heads/control/event_stream.h"

#include <utility>

#include "emulator/heads/control/operations.h"

namespace iothub::heads::control {
namespace {

using hub::Json;

std::optional<hub::Happening> happening_of(std::string_view name) {
  for (std::size_t i = 0; i < hub::kHappenings; ++i) {
    const auto what = static_cast<hub::Happening>(i);
    if (hub::name_of(what) == name) return what;
  }
  return std::nullopt;
}

std::string server_sent(std::uint64_t id, std::string_view name, const std::string& data) {
  return "id: " + std::to_string(id) + "\nevent: " + std::string(name) + "\ndata: " + data + "\n\n";
}

}  // namespace

EventStream::EventStream(const Request& request, Filter filter)
    : request_(request),
      filter_(std::move(filter)),
      pump_(request.control.scheduler()),
      heartbeat_(request.control.scheduler()) {}

void EventStream::begin() {
  const auto self = shared_from_this();
  request_.control.add(self);
  HttpExchange& exchange = *request_.exchange;
  exchange.on_gone([this] {
    const auto alive = shared_from_this();
    stop();
  });
  exchange.on_drained([this] {
    in_flight_ = 0;
    if (!waiting_.empty() || dropped_ > 0) pump_soon();
  });
  exchange.begin_stream({200,
                         {{"Content-Type", "text/event-stream; charset=utf-8"},
                          {"Cache-Control", "no-store"},
                          {"X-Accel-Buffering", "no"}},
                         {}});
  // So that a client knows that nothing from here on escapes it.
  exchange.write_stream(": the events of " + request_.hub.host_name() + "\n\n");
  listener_ = request_.hub.observers().listen([this](const hub::Happened& happened) { take(happened); });
  beat();
}

bool EventStream::wants(const hub::Happened& happened) const {
  if (!filter_.what.empty() && !filter_.what.contains(happened.what)) return false;
  if (!filter_.identity || happened.identity.device.value.empty()) return true;
  if (filter_.identity->is_module()) return happened.identity == *filter_.identity;
  return happened.identity.device == filter_.identity->device;
}

/// Inside a hub's call: what is written goes out a turn later.
void EventStream::take(const hub::Happened& happened) {
  if (!wants(happened)) return;
  const std::uint64_t id = ++last_id_;
  if (waiting_.size() >= kMostWaiting || waiting_bytes_ >= kMostWaitingBytes) {
    ++dropped_;
    return;
  }
  Json data;
  data["id"] = id;
  data["time"] = text::iso_time(happened.time);
  data["event"] = hub::name_of(happened.what);
  if (!happened.identity.device.value.empty()) data["device"] = happened.identity.device.value;
  if (happened.identity.is_module()) data["module"] = happened.identity.module.value;
  std::string text = data.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (!happened.detail.empty()) {
    text.back() = ',';
    text += "\"detail\":" + std::string(happened.detail) + "}";
  }
  waiting_.push_back(server_sent(id, hub::name_of(happened.what), text));
  waiting_bytes_ += waiting_.back().size();
  pump_soon();
}

void EventStream::pump_soon() {
  if (pump_.is_set()) return;
  pump_.set(std::chrono::milliseconds{0}, [this] {
    const auto alive = shared_from_this();
    pump();
  });
}

void EventStream::pump() {
  HttpExchange& exchange = *request_.exchange;
  while (!waiting_.empty() && in_flight_ < kMostInFlight) {
    in_flight_ += waiting_.front().size();
    waiting_bytes_ -= waiting_.front().size();
    exchange.write_stream(waiting_.front());
    waiting_.pop_front();
  }
  if (!waiting_.empty() || dropped_ == 0 || in_flight_ >= kMostInFlight) return;
  const std::uint64_t dropped = std::exchange(dropped_, 0);
  const std::string data = Json{{"id", last_id_}, {"event", "gap"}, {"dropped", dropped}}.dump();
  const std::string gap = server_sent(last_id_, "gap", data);
  in_flight_ += gap.size();
  exchange.write_stream(gap);
}

void EventStream::beat() {
  heartbeat_.set(kHeartbeat, [this] {
    const auto alive = shared_from_this();
    if (in_flight_ < kMostInFlight) request_.exchange->write_stream(":\n\n");
    beat();
  });
}

void EventStream::stop() {
  listener_.stop();
  pump_.cancel();
  heartbeat_.cancel();
  request_.exchange->on_gone(nullptr);
  request_.exchange->on_drained(nullptr);
  request_.control.remove(shared_from_this());
}

void EventStream::end(std::string_view reason) {
  const auto self = shared_from_this();
  pump();
  stop();
  request_.exchange->end_stream(reason);
}

void get_events(const Request& request) {
  EventStream::Filter filter{request.identity()};
  if (const std::string* names = request.parameter("events"); names != nullptr) {
    std::string_view rest = *names;
    while (!rest.empty()) {
      const std::string_view name = rest.substr(0, rest.find(','));
      rest.remove_prefix(std::min(name.size() + 1, rest.size()));
      const auto what = happening_of(name);
      if (!what) return request.refuse(hub::argument_invalid("there is no event '" + std::string(name) + "'"));
      filter.what.insert(*what);
    }
  }
  std::make_shared<EventStream>(request, std::move(filter))->begin();
}

}  // namespace iothub::heads::control
