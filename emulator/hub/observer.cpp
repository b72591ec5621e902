#include "emulator/hub/observer.h"

#include "emulator/hub/json.h"

namespace iothub::hub {

std::string_view name_of(Happening happening) {
  switch (happening) {
#define IOTHUB_HAPPENING(name, text) \
  case Happening::name:              \
    return text;
#include "emulator/hub/happenings.def"
#undef IOTHUB_HAPPENING
  }
  return "unknown";
}

Observers::Listener Observers::listen(Told told) {
  told_[++last_listener_] = std::move(told);
  return Listener(*this, last_listener_);
}

void Observers::publish(Happening what, const Identity& identity, const std::string& detail) const {
  const Happened happened{what, clock_.now(), identity, detail};
  for (const auto& [id, told] : told_) told(happened);
}

std::string detail_text(std::initializer_list<std::pair<std::string_view, std::string_view>> texts,
                        std::initializer_list<std::pair<std::string_view, std::int64_t>> numbers) {
  Json json = Json::object();
  for (const auto& [name, value] : texts) json[std::string(name)] = value;
  for (const auto& [name, value] : numbers) json[std::string(name)] = value;
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace iothub::hub
