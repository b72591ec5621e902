#include "emulator/heads/refusal.h"

#include <algorithm>

#include "emulator/hub/hub.h"
#include "emulator/hub/json.h"

namespace iothub::heads {

std::string shown(std::string_view said) {
  constexpr std::size_t kLongest = 400;
  std::string line(said.substr(0, kLongest));
  std::replace_if(
      line.begin(), line.end(), [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }, '?');
  if (said.size() > kLongest) line += "...";
  return line;
}

const std::string& said(const hub::HubError& error) {
  return error.reason.empty() ? error.message : error.reason;
}

std::string error_object(hub::Hub& hub, const hub::HubError& error) {
  const Timestamp now = hub.clock().now();
  hub::Json object;
  object["errorCode"] = static_cast<int>(error.code);
  object["trackingId"] = hub.new_tracking_id() + "-G:0-TimeStamp:" + text::us_time(now);
  object["message"] = error.message;
  object["timestampUtc"] = text::iso_time(now);
  // Messages quote what a client sent, and that need not be UTF-8.
  return object.dump(-1, ' ', false, hub::Json::error_handler_t::replace);
}

}  // namespace iothub::heads
