#include "protocol/mqtt/utf8.h"

#include "protocol/text/utf8.h"

namespace iothub::mqtt {

bool is_mqtt_text(std::string_view text) {
  return text.find('\0') == std::string_view::npos && text::is_utf8(text);
}

}  // namespace iothub::mqtt
