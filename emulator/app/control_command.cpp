#include "emulator/app/control_command.h"

#include <iostream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "emulator/app/exit_status.h"
#include "emulator/app/file_text.h"
#include "protocol/text/percent.h"

namespace iothub::app {
namespace {

using Json = nlohmann::ordered_json;
using Words = std::vector<std::string>;

std::pair<std::string, std::string> name_and_value(const std::string& word) {
  const std::size_t equals = word.find('=');
  if (equals == std::string::npos || equals == 0) throw ConfigError("'" + word + "' is not NAME=VALUE");
  return {word.substr(0, equals), word.substr(equals + 1)};
}

HubClient::ControlRequest with_parameters(std::string path, const Words& words) {
  for (const std::string& word : words) {
    const auto [name, value] = name_and_value(word);
    add_parameter(path, name, value);
  }
  return {.path = std::move(path)};
}

[[noreturn]] void refuse(const std::string& usage) {
  throw ConfigError("the command is: " + usage);
}

Json message_of(const std::string& given) {
  const std::optional<std::string> text = json_or_file(given);
  if (!text) throw ConfigError("cannot read the file " + given);
  Json json = Json::parse(*text, nullptr, false);
  if (!json.is_object()) throw ConfigError("the message is not a JSON object");
  return json;
}

bool is(const Words& words, std::string_view action, std::size_t count) {
  return words.size() == count && words.front() == action;
}

HubClient::ControlRequest reset_request(const Config& config) {
  if (config.words.size() > 1) refuse("reset [DEVICE] [--keep-links]");
  Json body = Json::object();
  if (!config.words.empty()) body["device"] = config.words.front();
  if (config.keep_links) body["links"] = "keep";
  return {.method = "POST", .path = "reset", .body = body.dump()};
}

HubClient::ControlRequest snapshot_request(const Words& words) {
  if (words.empty() || is(words, "list", 1)) return {.path = "snapshots"};
  const std::string path = "snapshots/" + (words.size() > 1 ? text::percent_encode(words[1]) : "");
  if (is(words, "save", 2)) return {.method = "PUT", .path = path};
  if (is(words, "restore", 2)) return {.method = "POST", .path = path + "/restore"};
  if (is(words, "remove", 2)) return {.method = "DELETE", .path = path};
  if (is(words, "fork", 2)) return {.method = "POST", .path = path + "/fork"};
  if (is(words, "fork", 3)) return {.method = "POST", .path = path + "/fork", .body = Json{{"name", words[2]}}.dump()};
  refuse("snapshot save|restore|remove NAME, snapshot fork NAME [HUB], snapshot list");
}

HubClient::ControlRequest clock_request(const Words& words) {
  const auto post = [](const char* path, const Json& body) {
    return HubClient::ControlRequest{.method = "POST", .path = path, .body = body.dump()};
  };
  if (words.empty()) return {.path = "clock"};
  if (is(words, "freeze", 1)) return post("clock/freeze", Json::object());
  if (is(words, "freeze", 2)) return post("clock/freeze", {{"at", words[1]}});
  if (is(words, "advance", 2)) return post("clock/advance", {{"by", words[1]}});
  if (is(words, "set", 2)) return post("clock/set", {{"to", words[1]}});
  if (is(words, "resume", 1)) return post("clock/resume", Json::object());
  if (is(words, "real", 1)) return post("clock/resume", {{"real", true}});
  refuse("clock [freeze [TIME] | advance TIME | set TIME | resume | real]");
}

HubClient::ControlRequest faults_request(const Words& words) {
  if (words.empty() || is(words, "list", 1)) return {.path = "faults"};
  if (is(words, "clear", 1)) return {.method = "DELETE", .path = "faults"};
  if (is(words, "remove", 2)) return {.method = "DELETE", .path = "faults/" + text::percent_encode(words[1])};
  if (words.front() == "add" && words.size() > 1) {
    Json rule = Json::object();
    for (const std::string& word : Words(words.begin() + 1, words.end())) {
      const auto [name, value] = name_and_value(word);
      rule[name] = value;
    }
    return {.method = "POST", .path = "faults", .body = rule.dump()};
  }
  refuse("faults add NAME=VALUE.., faults list, faults remove ID, faults clear");
}

HubClient::ControlRequest explain_request(const Words& words) {
  if (words.empty()) return {.path = "explain"};
  if (is(words, "query", 2))
    return {.method = "POST", .path = "explain/query", .body = Json{{"query", words[1]}}.dump()};
  if (words.front() == "route" && words.size() > 1) {
    HubClient::ControlRequest request = with_parameters("explain/route", Words(words.begin() + 2, words.end()));
    request.method = "POST";
    request.body = Json{{"message", message_of(words[1])}}.dump();
    return request;
  }
  if (words.size() == 1) return with_parameters("explain", {"device=" + words.front()});
  refuse("explain [DEVICE], explain query TEXT, explain route MESSAGE|FILE [device=D] [module=M] [source=S]");
}

HubClient::ControlRequest hubs_request(const Words& words) {
  if (words.empty() || is(words, "list", 1)) return {.path = "hubs"};
  if (is(words, "add", 1)) return {.method = "POST", .path = "hubs"};
  if (is(words, "add", 2)) return {.method = "POST", .path = "hubs", .body = Json{{"name", words[1]}}.dump()};
  if (is(words, "remove", 2)) return {.method = "DELETE", .path = "hubs/" + text::percent_encode(words[1])};
  refuse("hubs list, hubs add [NAME], hubs remove NAME");
}

HubClient::ControlRequest c2d_request(const Words& words) {
  const auto path = [](const std::string& device) { return "devices/" + text::percent_encode(device) + "/c2d"; };
  if (is(words, "list", 2)) return {.path = path(words[1])};
  if (!words.empty() && words.front() == "send" && words.size() > 2) {
    Json message{{"body", words[2]}};
    for (const std::string& word : Words(words.begin() + 3, words.end())) {
      const auto [name, value] = name_and_value(word);
      constexpr std::string_view kProperty = "property.";
      if (name.starts_with(kProperty)) {
        message["properties"][name.substr(kProperty.size())] = value;
      } else {
        message[name] = value;
      }
    }
    return {.method = "POST", .path = path(words[1]), .body = message.dump()};
  }
  refuse("c2d list DEVICE, c2d send DEVICE BODY [messageId=ID] [ack=full] [property.NAME=VALUE]..");
}

HubClient::ControlRequest request_of(const Config& config) {
  const Words& words = config.words;
  switch (config.command) {
    case Command::reset:
      return reset_request(config);
    case Command::snapshot:
      return snapshot_request(words);
    case Command::messages:
      return with_parameters("messages", words);
    case Command::events:
      return with_parameters("events", words);
    case Command::clock:
      return clock_request(words);
    case Command::faults:
      return faults_request(words);
    case Command::explain:
      return explain_request(words);
    case Command::connections:
      return with_parameters("connections", words);
    case Command::c2d:
      return c2d_request(words);
    case Command::feedback:
      return with_parameters("feedback", words);
    case Command::hubs:
      return hubs_request(words);
    case Command::serve:
    case Command::exec:
    case Command::env:
    case Command::ca:
    case Command::health:
    case Command::connection_string:
    case Command::route:
    case Command::monitor:
    case Command::seed:
    case Command::simulate:
      break;
    case Command::scenario:
      return {.path = "scenario-runs"};  // `scenario runs`
  }
  throw std::logic_error("not a command of the control API");
}

/// Prints the data of server-sent events, a line each.
class EventPrinter {
 public:
  bool operator()(std::string_view part) {
    rest_ += part;
    for (std::size_t end = rest_.find('\n'); end != std::string::npos; end = rest_.find('\n')) {
      constexpr std::string_view kData = "data: ";
      if (rest_.starts_with(kData)) std::cout << rest_.substr(kData.size(), end - kData.size()) << std::endl;
      rest_.erase(0, end + 1);
    }
    return static_cast<bool>(std::cout);
  }

 private:
  std::string rest_;
};

}  // namespace

void add_parameter(std::string& path, std::string_view name, std::string_view value) {
  path += path.find('?') == std::string::npos ? '?' : '&';
  path += text::percent_encode(name) + "=" + text::percent_encode(value);
}

std::string refusal_text(const std::string& body) {
  const auto json = Json::parse(body, nullptr, false);
  const Json::json_pointer message("/error/message");
  const Json::json_pointer hint("/error/hint");
  if (json.is_discarded() || !json.contains(message)) return "the request was refused";
  std::string text = json[message].get<std::string>();
  if (json.contains(hint)) text += " (" + json[hint].get<std::string>() + ")";
  return text;
}

HubClient::ControlRequest control_request(const Config& config) {
  HubClient::ControlRequest request = request_of(config);
  request.token = config.control_token;
  if (!config.hub.empty()) add_parameter(request.path, "hub", config.hub);
  return request;
}

int run_control_command(const Config& config, HubClient::ControlRequest request, const HubClient& client) {
  std::string streamed;
  EventPrinter print_events;
  if (config.command == Command::events) {
    request.stream = [&](std::string_view part) {
      if (streamed.size() < 4096) streamed += part;
      return print_events(part);
    };
  }
  const HubClient::Answer answer = client.control(request);
  if (answer.status >= 300) {
    std::cerr << "iothub-emulator: " << refusal_text(streamed.empty() ? answer.body : streamed) << "\n";
    return kFailed;
  }
  if (!request.stream) std::cout << answer.body;
  if (config.command != Command::messages) return kDone;
  const auto json = Json::parse(answer.body, nullptr, false);
  return json.is_object() && json.value("timedOut", false) ? kFailed : kDone;
}

}  // namespace iothub::app
