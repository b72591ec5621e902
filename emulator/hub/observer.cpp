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

void Observers::publish(Happening what, const Identity& identity, const std::string& detail) const {
  told_.tell({what, clock_.now(), identity, detail});
}

std::string detail_text(std::initializer_list<std::pair<std::string_view, std::string_view>> texts,
                        std::initializer_list<std::pair<std::string_view, std::int64_t>> numbers) {
  Json json = Json::object();
  for (const auto& [name, value] : texts) json[std::string(name)] = value;
  for (const auto& [name, value] : numbers) json[std::string(name)] = value;
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace iothub::hub
