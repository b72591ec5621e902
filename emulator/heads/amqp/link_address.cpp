#include "emulator/heads/amqp/link_address.h"

#include <algorithm>
#include <vector>

#include "protocol/text/ascii.h"
#include "protocol/text/percent.h"

namespace iothub::heads::amqp_head {
namespace {

using Kind = LinkAddress::Kind;

struct Form {
  std::string_view pattern;  ///< `{d}`, `{m}`, `{e}`, `{g}`, `{p}` stand for any segment, `*` for the rest
  Kind kind;
};

constexpr Form kForms[] = {
    {"$cbs", Kind::cbs},
    {"$management", Kind::management},
    {"messages/devicebound", Kind::c2d_send},
    {"messages/servicebound/feedback", Kind::feedback},
    {"messages/servicebound/filenotifications", Kind::file_notices},
    {"messages/servicebound/fileuploadnotifications", Kind::file_notices},  // as the documentation calls it
    {"messages/events/*", Kind::hub_events},
    {"devices/{d}/messages/events", Kind::events},
    {"devices/{d}/messages/devicebound", Kind::c2d},
    {"devices/{d}/methods/devicebound", Kind::methods},
    {"devices/{d}/twin", Kind::twin},
    {"devices/{d}/modules/{m}/messages/events", Kind::events},
    {"devices/{d}/modules/{m}/messages/devicebound", Kind::c2d},
    {"devices/{d}/modules/{m}/methods/devicebound", Kind::methods},
    {"devices/{d}/modules/{m}/twin", Kind::twin},
    {"{e}/$management", Kind::management},
    {"{e}/consumergroups/{g}/partitions/{p}", Kind::partition},
    {"{e}/partitions/{p}", Kind::event_hub},
    {"{e}", Kind::event_hub},
};

std::vector<std::string_view> segments_of(std::string_view path) {
  std::vector<std::string_view> segments;
  while (!path.empty()) {
    const std::string_view segment = path.substr(0, path.find('/'));
    segments.push_back(segment);
    path.remove_prefix(std::min(path.size(), segment.size() + 1));
  }
  return segments;
}

bool match(std::string_view pattern, const std::vector<std::string_view>& segments, LinkAddress& address) {
  const std::vector<std::string_view> wanted = segments_of(pattern);
  const bool open_ended = wanted.back() == "*";
  if (open_ended ? segments.size() < wanted.size() : segments.size() != wanted.size()) return false;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] == "*") break;
    const std::string segment = text::percent_decode(segments[i]).value_or(std::string(segments[i]));
    if (wanted[i] == "{d}") {
      address.identity.device.value = segment;
    } else if (wanted[i] == "{m}") {
      address.identity.module.value = segment;
    } else if (wanted[i] == "{e}") {
      address.event_hub = segment;
    } else if (wanted[i] == "{g}") {
      address.group = segment;
    } else if (wanted[i] == "{p}") {
      address.partition = segment;
    } else if (!text::equals_ignoring_case(wanted[i], segment)) {
      return false;
    }
  }
  return true;
}

}  // namespace

LinkAddress parse_link_address(std::string_view address) {
  if (const std::size_t scheme = address.find("://"); scheme != std::string_view::npos) {
    address.remove_prefix(scheme + 3);
    address.remove_prefix(std::min(address.size(), address.find('/')));
  }
  if (address.starts_with('/')) address.remove_prefix(1);
  if (address.ends_with('/')) address.remove_suffix(1);
  const std::vector<std::string_view> segments = segments_of(address);
  for (const Form& form : kForms) {
    LinkAddress parsed;
    if (segments.empty() || !match(form.pattern, segments, parsed)) continue;
    parsed.kind = form.kind;
    parsed.path = address;
    return parsed;
  }
  LinkAddress unknown;
  unknown.path = address;
  return unknown;
}

}  // namespace iothub::heads::amqp_head
