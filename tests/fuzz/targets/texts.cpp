// The small languages that every head reads: base64, percent-encoding, times, UTF-8, property bags, link addresses.
#include <algorithm>

#include "emulator/heads/amqp/event_filter.h"
#include "emulator/heads/amqp/link_address.h"
#include "emulator/heads/mqtt/topics.h"
#include "emulator/heads/mqtt/user_name.h"
#include "emulator/hub/json.h"
#include "protocol/http/response.h"
#include "protocol/mqtt/utf8.h"
#include "protocol/text/base64.h"
#include "protocol/text/percent.h"
#include "protocol/text/timestamp.h"
#include "tests/fuzz/support/fuzz_world.h"
#include "tests/fuzz/support/input.h"
#include "tests/fuzz/support/require.h"
#include "tests/fuzz/targets.h"

namespace iothub::fuzz {
namespace {

void require_same_json(std::string_view text) {
  const hub::Result<hub::Json> read = hub::parse_json(text);
  if (!read) return;
  const std::string written = hub::dump(*read);
  const hub::Result<hub::Json> again = hub::parse_json(written);
  require(again.has_value(), "written JSON can be read: " + written);
  require(*again == *read && hub::dump(*again) == written, "written JSON says the same: " + written);
}

}  // namespace

void texts(std::string_view input) {
  require(text::base64_decode(text::base64_encode(bytes_of(input))).has_value(), "base64 can be read back");
  if (const auto bytes = text::base64_decode(input)) {
    require(text::base64_decode(text::base64_encode(*bytes)) == bytes, "base64 says the same");
  }
  require(text::percent_decode(text::percent_encode(input)) == input, "percent-encoding says the same");
  (void)text::percent_decode(input);
  (void)mqtt::is_mqtt_text(input);
  (void)http::parse_http_date(input);
  (void)heads::amqp_head::parse_link_address(input);
  (void)heads::amqp_head::parse_event_filter(input);
  (void)heads::mqtt_head::parse_property_bag(input);
  (void)heads::mqtt_head::parse_publish_topic(input, kD1);
  require_same_json(input);
}

}  // namespace iothub::fuzz
