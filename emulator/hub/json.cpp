#include "emulator/hub/json.h"

#include <set>
#include <vector>

#include "emulator/hub/limits.h"

namespace iothub::hub {
namespace {

/// How many members one object may have. Members keep their order, so the library looks for each among all before it:
/// 200,000 of them in a body of 2 MiB would stop the hub for a minute.
constexpr std::size_t kMaxJsonMembers = 10'000;

/// Builds the tree by nlohmann's own DOM parser, and stops it at a depth, a number of members or a doubled one that no
/// service accepts.
class Guard {
 public:
  bool operator()(int depth, Json::parse_event_t event, Json& parsed) {
    if (depth > kMaxJsonDepth) {
      reason = "the JSON nests deeper than " + std::to_string(kMaxJsonDepth) + " levels";
      throw Refused{};
    }
    switch (event) {
      case Json::parse_event_t::object_start:
        members_.emplace_back();
        break;
      case Json::parse_event_t::object_end:
        members_.pop_back();
        break;
      case Json::parse_event_t::key:
        if (members_.back().size() == kMaxJsonMembers) {
          reason = "the JSON has an object of more than " + std::to_string(kMaxJsonMembers) + " members";
          throw Refused{};
        }
        if (!members_.back().insert(parsed.get_ref<const std::string&>()).second) {
          reason = "the JSON names a member twice: " + parsed.get<std::string>();
          throw Refused{};
        }
        break;
      case Json::parse_event_t::array_start:
      case Json::parse_event_t::array_end:
      case Json::parse_event_t::value:
        break;
    }
    return true;
  }

  struct Refused {};
  std::string reason;

 private:
  std::vector<std::set<std::string>> members_;
};

/// The JSON library quotes what it read last, which may be a key; a reason goes to the log.
std::string without_quotation(std::string_view what) {
  return std::string(what.substr(0, what.find("; last read:")));
}

}  // namespace

Result<Json> parse_json(std::string_view text) {
  Guard guard;
  try {
    return Json::parse(text,
                       [&](int depth, Json::parse_event_t event, Json& parsed) { return guard(depth, event, parsed); });
  } catch (const Guard::Refused&) {
    return bad_request(guard.reason);
  } catch (const Json::parse_error& error) {
    return bad_request("the body is not JSON: " + without_quotation(error.what()));
  } catch (const Json::out_of_range& error) {
    return bad_request("the body holds a number out of range: " + without_quotation(error.what()));
  }
}

std::string dump(const Json& value) {
  return value.dump();
}

const Json* member(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

std::string text_member(const Json& object, const char* name, std::string otherwise) {
  const Json* text = member(object, name);
  return text != nullptr && text->is_string() ? text->get<std::string>() : std::move(otherwise);
}

std::string pairs_text(std::span<const std::pair<std::string, std::string>> pairs) {
  if (pairs.empty()) return {};
  Json json = Json::array();
  for (const auto& [name, value] : pairs) json.push_back(Json::array({name, value}));
  return dump(json);
}

}  // namespace iothub::hub
