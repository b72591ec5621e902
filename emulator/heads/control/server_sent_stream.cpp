#include "emulator/heads/control/server_sent_stream.h"

#include <utility>

namespace iothub::heads::control {
namespace {

std::string server_sent(std::uint64_t id, std::string_view name, std::string_view data) {
  std::string event = "id: " + std::to_string(id) + "\nevent: ";
  return event.append(name).append("\ndata: ").append(data).append("\n\n");
}

}  // namespace

ServerSentStream::ServerSentStream(const Request& request)
    : request_(request), pump_(request.control.scheduler()), heartbeat_(request.control.scheduler()) {}

void ServerSentStream::begin() {
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
  listen();
  beat();
}

std::optional<std::uint64_t> ServerSentStream::next_id() {
  const std::uint64_t id = ++last_id_;
  if (waiting_.size() < kMostWaiting && waiting_bytes_ < kMostWaitingBytes) return id;
  ++dropped_;
  return std::nullopt;
}

void ServerSentStream::send(std::uint64_t id, std::string_view name, std::string_view data) {
  waiting_.push_back(server_sent(id, name, data));
  waiting_bytes_ += waiting_.back().size();
  pump_soon();
}

void ServerSentStream::end_soon(std::string reason) {
  end_reason_ = std::move(reason);
  pump_soon();
}

void ServerSentStream::pump_soon() {
  if (pump_.is_set()) return;
  pump_.set(std::chrono::milliseconds{0}, [this] {
    const auto alive = shared_from_this();
    pump();
    if (waiting_.empty() && dropped_ == 0 && !end_reason_.empty()) end(end_reason_);
  });
}

void ServerSentStream::pump() {
  HttpExchange& exchange = *request_.exchange;
  while (!waiting_.empty() && in_flight_ < kMostInFlight) {
    in_flight_ += waiting_.front().size();
    waiting_bytes_ -= waiting_.front().size();
    exchange.write_stream(waiting_.front());
    waiting_.pop_front();
  }
  if (!waiting_.empty() || dropped_ == 0 || in_flight_ >= kMostInFlight) return;
  const std::uint64_t dropped = std::exchange(dropped_, 0);
  const std::string data = hub::Json{{"id", last_id_}, {"event", "gap"}, {"dropped", dropped}}.dump();
  const std::string gap = server_sent(last_id_, "gap", data);
  in_flight_ += gap.size();
  exchange.write_stream(gap);
}

void ServerSentStream::beat() {
  heartbeat_.set(kHeartbeat, [this] {
    const auto alive = shared_from_this();
    if (in_flight_ < kMostInFlight) request_.exchange->write_stream(":\n\n");
    beat();
  });
}

void ServerSentStream::stop() {
  stop_listening();
  pump_.cancel();
  heartbeat_.cancel();
  request_.exchange->on_gone(nullptr);
  request_.exchange->on_drained(nullptr);
  request_.control.remove(shared_from_this());
}

void ServerSentStream::end(std::string_view reason) {
  const auto self = shared_from_this();
  pump();
  stop();
  request_.exchange->end_stream(reason);
}

}  // namespace iothub::heads::control
