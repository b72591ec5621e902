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

}  // namespace

std::string happened_text(std::uint64_t id, const hub::Happened& happened) {
  Json data;
  data["id"] = id;
  data["time"] = text::iso_time(happened.time);
  data["event"] = hub::name_of(happened.what);
  if (!happened.identity.device.value.empty()) data["device"] = happened.identity.device.value;
  if (happened.identity.is_module()) data["module"] = happened.identity.module.value;
  std::string text = data.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (happened.detail.empty()) return text;
  text.back() = ',';
  return text.append("\"detail\":").append(happened.detail).append("}");
}

void EventStream::listen() {
  listener_ = request().hub.observers().listen([this](const hub::Happened& happened) { take(happened); });
}

bool EventStream::wants(const hub::Happened& happened) const {
  if (!filter_.what.empty() && !filter_.what.contains(happened.what)) return false;
  if (!filter_.identity || happened.identity.device.value.empty()) return true;
  if (filter_.identity->is_module()) return happened.identity == *filter_.identity;
  return happened.identity.device == filter_.identity->device;
}

void EventStream::take(const hub::Happened& happened) {
  if (!wants(happened)) return;
  if (const auto id = next_id()) send(*id, hub::name_of(happened.what), happened_text(*id, happened));
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
