#include "emulator/heads/control/message_query.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "emulator/hub/event_reader.h"
#include "protocol/text/ascii.h"
#include "protocol/text/base64.h"

namespace iothub::heads::control {
namespace {

using hub::Json;

/// A slice: about a millisecond of rows as devices send them, and 8 MiB of the largest.
constexpr std::int64_t kRowsAtOnce = 32;

std::optional<std::string> after_prefix(const std::string& text, std::string_view prefix) {
  if (!text.starts_with(prefix) || text.size() == prefix.size()) return std::nullopt;
  return text.substr(prefix.size());
}

bool has_pair(const std::string& pairs, const std::pair<std::string, std::string>& wanted) {
  if (pairs.empty()) return false;
  const Json all = Json::parse(pairs);
  return std::any_of(all.begin(), all.end(), [&](const Json& pair) {
    return pair[0].get_ref<const std::string&>() == wanted.first &&
           pair[1].get_ref<const std::string&>() == wanted.second;
  });
}

bool has_member(const std::string& object, const std::pair<std::string, std::string>& wanted) {
  if (object.empty()) return false;
  const Json all = Json::parse(object);
  const auto found = all.find(wanted.first);
  return found != all.end() && found->is_string() && found->get_ref<const std::string&>() == wanted.second;
}

/// `21`, `true` and `"21"` are JSON; other words are a string.
bool is_value(const Json& there, const std::string& wanted) {
  const Json parsed = Json::parse(wanted, nullptr, false);
  if (!parsed.is_discarded() && there == parsed) return true;
  return there.is_string() && there.get_ref<const std::string&>() == wanted;
}

}  // namespace

Cursor Cursor::start(hub::Hub& hub) {
  return {std::vector<std::int64_t>(static_cast<std::size_t>(hub.event_reader().partition_count()), 0)};
}

Cursor Cursor::end(hub::Hub& hub) {
  Cursor cursor = start(hub);
  for (std::size_t partition = 0; partition < cursor.next.size(); ++partition) {
    cursor.next[partition] =
        hub.event_reader().find(static_cast<int>(partition), {hub::EventPosition::Kind::latest, 0, false});
  }
  return cursor;
}

std::optional<Cursor> Cursor::parse(hub::Hub& hub, std::string_view text) {
  if (text == "start") return start(hub);
  if (text == "now") return end(hub);
  if (const auto time = text.find('T') != text.npos ? text::parse_iso_time(text) : std::nullopt) {
    Cursor cursor = start(hub);
    for (std::size_t partition = 0; partition < cursor.next.size(); ++partition) {
      cursor.next[partition] = hub.event_reader().find(
          static_cast<int>(partition), {hub::EventPosition::Kind::enqueued_time, time->unix_milliseconds(), true});
    }
    return cursor;
  }
  Cursor cursor;
  const char* at = text.data();
  const char* const last = text.data() + text.size();
  while (at != last) {
    std::int64_t number = 0;
    const auto [stop, error] = std::from_chars(at, last, number);
    if (error != std::errc{} || number < 0) return std::nullopt;
    cursor.next.push_back(number);
    if (stop == last) break;
    if (*stop != '.') return std::nullopt;
    at = stop + 1;
  }
  if (cursor.next.size() != static_cast<std::size_t>(hub.event_reader().partition_count())) return std::nullopt;
  return cursor;
}

std::string Cursor::text() const {
  std::string text;
  for (const std::int64_t number : next) text += (text.empty() ? "" : ".") + std::to_string(number);
  return text;
}

hub::Result<MessageMatcher> MessageMatcher::from_query(const std::vector<std::pair<std::string, std::string>>& query,
                                                       std::initializer_list<std::string_view> others) {
  MessageMatcher matcher;
  std::string device, module;
  for (const auto& [name, value] : query) {
    if (name == "device") {
      device = value;
    } else if (name == "module") {
      module = value;
    } else if (name == "source") {
      matcher.source = value == "any" ? std::string() : value;
    } else if (name == "body") {
      matcher.body = value;
    } else if (name == "bodyContains") {
      matcher.body_contains = value;
    } else if (const auto property = after_prefix(name, "property.")) {
      matcher.properties.emplace_back(*property, value);
    } else if (const auto system = after_prefix(name, "system.")) {
      matcher.system_properties.emplace_back(*system, value);
    } else if (const auto pointer = after_prefix(name, "body/")) {
      try {
        static_cast<void>(Json::json_pointer("/" + *pointer));
      } catch (const Json::parse_error&) {
        return hub::argument_invalid("'" + name + "' is no JSON pointer behind `body`");
      }
      matcher.body_values.emplace_back("/" + *pointer, value);
    } else if (std::find(others.begin(), others.end(), name) == others.end()) {
      return hub::argument_invalid("there is no parameter '" + name + "'");
    }
  }
  if (!module.empty() && device.empty()) return hub::argument_invalid("'module' needs 'device'");
  if (!device.empty()) matcher.identity = hub::Identity{{device}, {module}};
  return matcher;
}

bool MessageMatcher::matches(const storage::EventRow& row) const {
  if (identity && (row.device_id != identity->device.value || row.module_id != identity->module.value)) return false;
  if (!source.empty() && !text::equals_ignoring_case(row.source, source)) return false;
  for (const auto& wanted : properties) {
    if (!has_pair(row.properties, wanted)) return false;
  }
  for (const auto& wanted : system_properties) {
    if (!has_member(row.system_properties, wanted)) return false;
  }
  if (body && row.body != *body) return false;
  if (body_contains && row.body.find(*body_contains) == std::string::npos) return false;
  if (body_values.empty()) return true;
  const hub::Result<Json> json = hub::parse_json(row.body);
  if (!json) return false;
  return std::all_of(body_values.begin(), body_values.end(), [&](const auto& wanted) {
    const Json::json_pointer pointer(wanted.first);
    return json->contains(pointer) && is_value((*json)[pointer], wanted.second);
  });
}

Json message_json(const storage::EventRow& row, int partition) {
  Json message;
  message["device"] = row.device_id;
  if (!row.module_id.empty()) message["module"] = row.module_id;
  message["enqueuedTime"] = text::iso_time(Timestamp{row.enqueued_time});
  message["source"] = row.source;
  message["partition"] = partition;
  message["sequenceNumber"] = row.sequence_number;
  message["offset"] = std::to_string(row.offset);
  message["properties"] = Json::object();
  if (!row.properties.empty()) {
    for (const Json& pair : Json::parse(row.properties)) {
      message["properties"][pair[0].get<std::string>()] = pair[1];
    }
  }
  message["systemProperties"] = row.system_properties.empty() ? Json::object() : Json::parse(row.system_properties);
  message["annotations"] = row.annotations.empty() ? Json::object() : Json::parse(row.annotations);
  hub::Result<Json> json = hub::parse_json(row.body);  // with its bounds, unlike Json::parse
  Json body = json ? std::move(*json) : Json(row.body);
  try {
    static_cast<void>(body.dump());
  } catch (const Json::type_error&) {  // not UTF-8
    body = nullptr;
  }
  message["body"] = std::move(body);
  message["bodyBase64"] = text::base64_encode(row.body);
  return message;
}

MessageSearch::MessageSearch(hub::Hub& hub, MessageMatcher matcher, Cursor from, std::size_t limit)
    : hub_(hub), matcher_(std::move(matcher)), next_(std::move(from)), limit_(limit) {
  last_partition_ = hub.event_reader().partition_count() - 1;
  if (matcher_.identity) partition_ = last_partition_ = hub.events().partition_of(matcher_.identity->device);
}

bool MessageSearch::step() {
  for (std::int64_t left = kRowsAtOnce; left > 0 && partition_ <= last_partition_;) {
    std::int64_t& next = next_.next[static_cast<std::size_t>(partition_)];
    if (!std::exchange(began_, true)) {
      // The stream began anew behind the cursor: a reset.
      if (next > hub_.event_reader().find(partition_, {hub::EventPosition::Kind::latest, 0, false})) next = 0;
    }
    std::vector<storage::EventRow> rows = hub_.event_reader().read(partition_, next, left);
    left -= static_cast<std::int64_t>(rows.size());
    looked_at_ += static_cast<std::int64_t>(rows.size());
    for (storage::EventRow& row : rows) {
      next = row.sequence_number + 1;
      if (!matcher_.matches(row)) continue;
      matches_.push_back({partition_, std::move(row)});
      if (++taken_ == limit_) break;
    }
    const bool enough = taken_ == limit_ || looked_at_ >= kMostRowsLookedAt;
    if (left == 0 && !enough) return false;
    at_end_ = at_end_ && !enough;
    ++partition_;
    began_ = false;
    looked_at_ = 0;
    taken_ = 0;
  }
  return partition_ > last_partition_;
}

bool MessageSearch::take(Json& messages) {
  bool at_end = at_end_ && partition_ > last_partition_;
  std::stable_sort(matches_.begin(), matches_.end(),
                   [](const Match& a, const Match& b) { return a.row.enqueued_time < b.row.enqueued_time; });
  // What does not fit is found again: its partition goes back to the first of it.
  for (std::size_t i = limit_; i < matches_.size(); ++i) {
    std::int64_t& next = next_.next[static_cast<std::size_t>(matches_[i].partition)];
    next = std::min(next, matches_[i].row.sequence_number);
    at_end = false;
  }
  for (std::size_t i = 0; i < std::min(limit_, matches_.size()); ++i) {
    messages.push_back(message_json(matches_[i].row, matches_[i].partition));
  }
  matches_.clear();
  return at_end;
}

}  // namespace iothub::heads::control
