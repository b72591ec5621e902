#pragma once
/// Texts as MQTT allows them (MQTT 3.1.1, section 1.5.3).
#include <string_view>

namespace iothub::mqtt {

/// Well-formed UTF-8 without surrogates, overlong forms, or U+0000.
bool is_mqtt_text(std::string_view text);

}  // namespace iothub::mqtt
