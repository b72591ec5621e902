#include "emulator/scenario/scenario.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <initializer_list>

#include "emulator/scenario/matcher.h"
#include "emulator/scenario/scenario_schema.h"
#include "emulator/seed/json_schema.h"
#include "emulator/simulate/pattern.h"

namespace iothub::scenario {
namespace {

using hub::Json;

constexpr std::array<const char*, 17> kActions{"send",   "report", "connect", "disconnect", "answer",    "patch",
                                               "method", "c2d",    "create",  "delete",     "disable",   "enable",
                                               "fault",  "clock",  "run",     "expect",     "expect_not"};
/// By whom the device has to be known: they are done by a virtual one.
constexpr std::array<std::string_view, 5> kDeviceActions{"send", "report", "connect", "disconnect", "answer"};
constexpr std::array<const char*, 7> kSubjects{"messages", "c2d", "desired", "calls", "twin", "connection", "program"};

struct Wrong {
  std::string pointer;
  std::string what;
};

std::string list_of(std::span<const char* const> names) {
  std::string list;
  for (const char* name : names) list += (list.empty() ? "" : ", ") + std::string(name);
  return list;
}

/// The one of the names that is there.
const char* only_one(const Json& object, std::span<const char* const> names, const std::string& pointer,
                     const std::string& what) {
  const char* found = nullptr;
  for (const char* name : names) {
    if (!object.contains(name)) continue;
    if (found != nullptr) {
      throw Wrong{pointer + "/" + name, what + " one thing only: there is '" + std::string(found) + "', too"};
    }
    found = name;
  }
  if (found == nullptr) throw Wrong{pointer, what + " one of " + list_of(names)};
  return found;
}

std::string text_of(const Json& object, const char* name) {
  return object.value(name, std::string());
}

class Reader {
 public:
  Reader(const seed::Document& document, const ReadFile& read) : document_(document), read_(read) {}

  /// Throws Wrong and seed::LocatedError.
  Scenario scenario() {
    const Json& root = document_.value;
    result_.file = document_.file;
    result_.name = root.value("name", document_.file);
    if (root.contains("seed")) seeds(root["seed"]);
    if (root.contains("devices")) {
      for (std::size_t i = 0; i < root["devices"].size(); ++i) device(root["devices"][i], i);
    }
    for (std::size_t i = 0; i < root["steps"].size(); ++i) step(root["steps"][i], "/steps/" + std::to_string(i));
    return std::move(result_);
  }

 private:
  std::string content_of(const std::string& name, const std::string& pointer) {
    std::optional<std::string> text = read_(name);
    if (!text) throw Wrong{pointer, "the file '" + name + "' cannot be read"};
    result_.other_files.push_back(name);
    return std::move(*text);
  }

  void seeds(const Json& seed) {
    if (seed.is_object()) return take_seed(seed::parse(document_.part("/seed")), "/seed");
    if (seed.is_string()) {
      return take_seed(seed::parse(content_of(seed.get<std::string>(), "/seed"), seed.get<std::string>()), {});
    }
    for (std::size_t i = 0; i < seed.size(); ++i) {
      const std::string name = seed[i].get<std::string>();
      take_seed(seed::parse(content_of(name, "/seed/" + std::to_string(i)), name), {});
    }
  }

  void take_seed(seed::Result<seed::Seed> parsed, const std::string& pointer) {
    if (!parsed) throw placed(parsed.error(), pointer);
    if (parsed->document.value.is_object() && parsed->document.value.contains("hubs")) {
      throw Wrong{"/seed", "a scenario has one hub: its seed cannot name further ones"};
    }
    result_.seeds.push_back(std::move(*parsed));
  }

  /// What is wrong with a part, as wrong in the whole.
  static seed::LocatedError placed(seed::LocatedError error, const std::string& pointer) {
    error.pointer = pointer + error.pointer;
    return error;
  }

  void device(const Json& json, std::size_t index) {
    const std::string here = "/devices/" + std::to_string(index);
    VirtualDevice device{json["id"].get<std::string>(), {}, json.value("connect", true), std::nullopt};
    if (is_virtual(device.id)) throw Wrong{here + "/id", "'" + device.id + "' is there already"};
    if (json.contains("reconnect")) device.reconnect = seconds_of(json["reconnect"]);
    if (json.contains("template")) {
      const std::string at = here + "/template";
      const bool is_file = json["template"].is_string();
      const std::string name = is_file ? json["template"].get<std::string>() : std::string();
      auto parsed =
          is_file ? simulate::parse_template(content_of(name, at), name) : simulate::parse_template(document_.part(at));
      if (!parsed) throw placed(parsed.error(), is_file ? std::string() : at);
      if (parsed->offline_every.count() > 0) {
        throw Wrong{is_file ? at : at + "/offline", "a scenario says by its steps when a device is away"};
      }
      device.does = std::move(*parsed);
    }
    result_.devices.push_back(std::move(device));
  }

  bool is_virtual(const std::string& id) const {
    return std::any_of(result_.devices.begin(), result_.devices.end(), [&](const auto& each) { return each.id == id; });
  }

  void step(const Json& json, const std::string& pointer) {
    Step step;
    step.pointer = pointer;
    step.action = only_one(json, kActions, pointer, "a step does");
    const std::string at = pointer + "/" + step.action;
    step.mark = document_.mark_of(at);
    if (json.contains("at") && json.contains("after")) throw Wrong{pointer + "/after", "'at' is given, too"};
    if (json.contains("at")) step.at = seconds_of(json["at"]);
    if (json.contains("after")) step.after = seconds_of(json["after"]);
    step.arguments = json[step.action];
    if (step.arguments.is_string()) step.arguments = {{"device", step.arguments}};
    const std::string device = step.arguments.is_object() ? text_of(step.arguments, "device") : std::string();
    step.name = json.value("name", step.action + (device.empty() ? "" : " " + device));
    if (std::find(kDeviceActions.begin(), kDeviceActions.end(), step.action) != kDeviceActions.end()) {
      require_virtual(device, at + (json[step.action].is_string() ? "" : "/device"));
    }
    check_action(step, at);
    if (json.contains("name")) names_.push_back(step.name);
    result_.steps.push_back(std::move(step));
  }

  void require_virtual(const std::string& id, const std::string& pointer) const {
    if (!is_virtual(id)) throw Wrong{pointer, "'" + id + "' is none of this scenario's devices"};
  }

  void check_action(Step& step, const std::string& at) {
    const Json& arguments = step.arguments;
    for (const char* name : {"body", "properties", "values", "payload"}) {
      if (step.action != "send" && step.action != "report" && step.action != "answer") break;
      if (!arguments.contains(name)) continue;
      if (const auto wrong = simulate::check_pattern(arguments[name])) {
        throw Wrong{at + "/" + name + wrong->pointer, wrong->what};
      }
    }
    if (step.action == "method" && arguments.contains("result")) check_matcher_at(arguments["result"], at + "/result");
    if (step.action == "patch" && !arguments.contains("desired") && !arguments.contains("tags")) {
      throw Wrong{at, "it needs desired or tags"};
    }
    if (step.action == "clock") {
      constexpr std::array<const char*, 4> kinds{"freeze", "advance", "set", "resume"};
      only_one(arguments, kinds, at, "a clock takes");
    }
    if (step.action == "fault") {
      constexpr std::array<const char*, 3> kinds{"add", "remove", "clear"};
      const std::string_view kind = only_one(arguments, kinds, at, "a fault takes");
      if (kind == "add" && arguments.contains("as")) faults_.push_back(arguments["as"].get<std::string>());
      if (kind == "remove" && std::find(faults_.begin(), faults_.end(), arguments["remove"]) == faults_.end()) {
        throw Wrong{at + "/remove", "no step before adds a fault as '" + text_of(arguments, "remove") + "'"};
      }
    }
    if (step.action == "expect" || step.action == "expect_not") expectation(step, at);
  }

  static void check_matcher_at(const Json& matcher, const std::string& pointer) {
    if (const auto wrong = check_matcher(matcher)) throw Wrong{pointer + wrong->pointer, wrong->what};
  }

  void expectation(Step& step, const std::string& at) {
    step.subject = only_one(step.arguments, kSubjects, at, step.action + " takes");
    const Json& said = step.arguments[step.subject];
    const std::string here = at + "/" + step.subject;
    for (const char* name : {"body", "properties", "system", "payload", "matches"}) {
      if (said.contains(name)) check_matcher_at(said[name], here + "/" + name);
    }
    const bool of_device = step.subject == "c2d" || step.subject == "desired" || step.subject == "calls";
    if (of_device && !said.contains("device")) throw Wrong{here, "'device' is missing"};
    if (of_device) require_virtual(text_of(said, "device"), here + "/device");
    if (said.contains("since")) {
      step.since = said["since"].get<std::string>();
      if (std::find(names_.begin(), names_.end(), step.since) == names_.end()) {
        throw Wrong{here + "/since", "no step before is named '" + step.since + "'"};
      }
    }
    if (step.subject == "twin" || step.subject == "connection" || step.subject == "program") return;
    Expectation& expected = step.expectation;
    expected.things = step.subject == "c2d"       ? "cloud-to-device messages"
                      : step.subject == "desired" ? "desired patches"
                                                  : step.subject;
    expected.matcher = matcher_of(said);
    if (step.subject == "messages" && !said.contains("source")) expected.matcher["source"] = "Telemetry";
    if (said.contains("count") && said.contains("at_least")) throw Wrong{here + "/at_least", "'count' is given, too"};
    if (said.contains("count")) expected.exactly = said["count"].get<std::size_t>();
    if (said.contains("at_least")) expected.at_least = said["at_least"].get<std::size_t>();
    if (!said.contains("sequence")) return;
    if (said.contains("count") || said.contains("at_least")) {
      throw Wrong{here + "/sequence", "a sequence is its own count"};
    }
    for (std::size_t i = 0; i < said["sequence"].size(); ++i) {
      const Json& element = said["sequence"][i];
      check_matcher_at(element, here + "/sequence/" + std::to_string(i));
      Json matcher = expected.matcher;
      matcher.update(matcher_of(element));
      expected.sequence.push_back(std::move(matcher));
    }
  }

  /// Of the whole record, by what is said of its parts.
  static Json matcher_of(const Json& said) {
    Json matcher = Json::object();
    for (const char* name : {"device", "module", "source", "method", "body", "payload", "properties", "status"}) {
      if (said.contains(name)) matcher[name] = said[name];
    }
    if (said.contains("system")) matcher["systemProperties"] = said["system"];
    return matcher;
  }

  const seed::Document& document_;
  const ReadFile& read_;
  Scenario result_;
  std::vector<std::string> names_;   ///< of steps, so far
  std::vector<std::string> faults_;  ///< likewise
};

}  // namespace

seed::Result<Scenario> parse(std::string_view text, std::string file, const ReadFile& read) {
  const seed::Result<seed::Document> document = seed::read_document(text, std::move(file));
  if (!document) return document.error();
  if (auto wrong = seed::JsonSchema(schema_text()).check(*document, document->value, {})) return *wrong;
  try {
    return Reader(*document, read).scenario();
  } catch (const Wrong& wrong) {
    return document->error(wrong.pointer, wrong.what);
  } catch (const seed::LocatedError& error) {
    return error;
  }
}

Seconds seconds_of(const Json& time) {
  if (time.is_number()) return Seconds(time.get<double>());
  const std::string text = time.get<std::string>();
  char* unit = nullptr;
  const double number = std::strtod(text.c_str(), &unit);
  const std::string_view name = unit;
  if (name == "ms") return Seconds(number / 1000);
  if (name == "m") return Seconds(number * 60);
  if (name == "h") return Seconds(number * 3600);
  if (name == "d") return Seconds(number * 86400);
  return Seconds(number);
}

}  // namespace iothub::scenario
