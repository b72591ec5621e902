#include "emulator/heads/control/protocol_stream.h"

#include <algorithm>
#include <utility>

#include "emulator/heads/control/event_stream.h"
#include "emulator/heads/control/operations.h"

namespace iothub::heads::control {
namespace {

using hub::Json;

Json packet_json(const std::string& connection, const WirePacket& packet, Timestamp time) {
  Json json;
  json["time"] = text::iso_time(time);
  json["connection"] = connection;
  json["direction"] = packet.sent ? "sent" : "received";
  json["packet"] = packet.name;
  json["bytes"] = packet.bytes;
  json["fields"] = packet.fields;
  return json;
}

}  // namespace

void ProtocolStream::listen() {
  OpenConnections& connections = request().control.actions().connections();
  happened_ = request().hub.observers().listen([this](const hub::Happened& happened) { take(happened); });
  if (!subject_.connection.empty()) return follow(subject_.connection, true);
  for (const OpenConnection& each : connections.all()) {
    if (is_of_identity(each.id)) follow(each.id, true);
  }
  opened_ = connections.on_opened([this](const std::string& id) { follow(id, false); });
}

void ProtocolStream::stop_listening() {
  opened_.stop();
  happened_.stop();
  followed_.clear();
}

void ProtocolStream::follow(const std::string& connection, bool is_shown) {
  OpenConnections::Looker looker{[this, connection](const WirePacket& packet) { take_packet(connection, packet); },
                                 [this, connection](std::string_view reason) { take_end(connection, reason); }};
  auto look = request().control.actions().connections().look(connection, std::move(looker));
  if (look != nullptr) followed_[connection] = {std::move(look), is_shown};
}

void ProtocolStream::take_packet(const std::string& connection, const WirePacket& packet) {
  const auto found = followed_.find(connection);
  if (found == followed_.end()) return;
  Followed& followed = found->second;
  if (!followed.is_shown && is_of_identity(connection)) show(followed);
  Json json = packet_json(connection, packet, request().control.wall_clock().now());
  if (followed.is_shown) return tell("packet", std::move(json));
  followed.held.push_back(std::move(json));
  if (followed.held.size() > kMostHeld) followed_.erase(found);  // somebody else's
}

void ProtocolStream::take_end(const std::string& connection, std::string_view reason) {
  const auto found = followed_.find(connection);
  if (found == followed_.end()) return;
  const bool was_shown = found->second.is_shown;
  followed_.erase(found);
  if (was_shown) {
    tell("ended", {{"time", text::iso_time(request().control.wall_clock().now())},
                   {"connection", connection},
                   {"reason", without_secrets(reason)}});
  }
  if (!subject_.connection.empty()) end_soon("the connection has ended");
}

void ProtocolStream::take(const hub::Happened& happened) {
  if (!belongs(happened)) return;
  if (const auto id = next_id()) send(*id, "hub", happened_text(*id, happened));
}

/// What a followed connection's packets brought about, and what is about those who speak on it.
bool ProtocolStream::belongs(const hub::Happened& happened) {
  if (subject_.identity) {
    if (happened.identity != *subject_.identity) return false;
    // Before what it says, so that its packets come first.
    for (auto& [id, followed] : followed_) {
      const bool was_refused = happened.what == hub::Happening::refused && followed.look->is_handling();
      if (!followed.is_shown && (was_refused || is_of_identity(id))) show(followed);
    }
    return true;
  }
  if (followed_.empty()) return false;
  if (followed_.begin()->second.look->is_handling()) return true;
  if (happened.identity.device.value.empty()) return false;
  hub::DeviceLink* link = request().hub.links().find(happened.identity);
  const bool speaks_here = link != nullptr && link->peer().connection == subject_.connection;
  const auto seen = std::find(seen_.begin(), seen_.end(), happened.identity);
  if (speaks_here && seen == seen_.end()) seen_.push_back(happened.identity);
  if (link == nullptr && seen != seen_.end()) {
    seen_.erase(seen);  // its end; what comes after is of another connection
    return true;
  }
  return speaks_here;
}

bool ProtocolStream::is_of_identity(const std::string& connection) {
  hub::DeviceLink* link = request().hub.links().find(*subject_.identity);
  return link != nullptr && link->peer().connection == connection;
}

void ProtocolStream::show(Followed& followed) {
  followed.is_shown = true;
  for (Json& each : std::exchange(followed.held, {})) tell("packet", std::move(each));
}

void ProtocolStream::tell(std::string_view name, Json data) {
  const auto id = next_id();
  if (!id) return;
  Json numbered{{"id", *id}};
  numbered.update(data);
  send(*id, name, numbered.dump(-1, ' ', false, Json::error_handler_t::replace));
}

void get_protocol(const Request& request) {
  ProtocolStream::Subject subject;
  if (const std::string* connection = request.parameter("connection")) subject.connection = *connection;
  subject.identity = request.identity();
  if (subject.connection.empty() == !subject.identity.has_value()) {
    return request.refuse(hub::argument_invalid("the protocol of what? Give either 'connection' or 'device'"));
  }
  if (!subject.connection.empty()) {
    const auto all = request.control.actions().connections().all();
    const auto is_it = [&](const OpenConnection& each) {
      return each.id == subject.connection && (each.hub == nullptr || each.hub == &request.hub);
    };
    if (std::none_of(all.begin(), all.end(), is_it)) {
      return request.refuse({hub::ErrorCode::GenericNotFound,
                             "the hub has no connection '" + subject.connection + "' by MQTT or AMQP",
                             {},
                             {}});
    }
  }
  std::make_shared<ProtocolStream>(request, std::move(subject))->begin();
}

}  // namespace iothub::heads::control
