#include "emulator/heads/control/request.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "emulator/hub/refusals.h"

namespace iothub::heads::control {
namespace {

using hub::HubError;
using hub::Json;

constexpr std::int64_t kLongestDuration = std::int64_t{400} * 24 * 3600 * 1000;  // milliseconds

http::Headers json_headers() {
  return {{"Content-Type", "application/json; charset=utf-8"}, {"Cache-Control", "no-store"}};
}

}  // namespace

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  struct Unit {
    std::string_view name;
    double milliseconds;
  };
  constexpr std::array kUnits{Unit{"", 1000},    Unit{"ms", 1},        Unit{"s", 1000},
                              Unit{"m", 60'000}, Unit{"h", 3'600'000}, Unit{"d", 86'400'000}};
  double value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || !(value >= 0)) return std::nullopt;
  const std::string_view unit = text.substr(static_cast<std::size_t>(stop - text.data()));
  for (const Unit& each : kUnits) {
    if (each.name != unit) continue;
    const double milliseconds = value * each.milliseconds;
    if (milliseconds > static_cast<double>(kLongestDuration)) return std::nullopt;
    return std::chrono::milliseconds{static_cast<std::int64_t>(milliseconds)};
  }
  return std::nullopt;
}

http::Response json_response(const Json& body, int status) {
  return {status, json_headers(), body.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"};
}

http::Response error_response(const HubError& error) {
  Json inner;
  inner["code"] = static_cast<int>(error.code);
  inner["name"] = hub::name_of(error.code);
  // The service's own text of a missing device is its id alone, which tells nobody at a terminal anything.
  const bool only_reason = error.code == hub::ErrorCode::DeviceNotFound && !error.reason.empty();
  inner["message"] = only_reason ? error.reason : error.message;
  if (!error.reason.empty() && !only_reason) inner["reason"] = error.reason;
  if (const std::string_view hint = hub::hint_of(error.code); !hint.empty()) inner["hint"] = hint;
  return json_response({{"error", inner}}, http_status(error.code));
}

hub::Result<std::optional<std::int64_t>> Request::number(std::string_view name, std::int64_t least,
                                                         std::int64_t most) const {
  const std::string* text = parameter(name);
  if (text == nullptr) return std::optional<std::int64_t>{};
  std::int64_t value = 0;
  const auto [stop, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc{} || stop != text->data() + text->size() || value < least || value > most) {
    return hub::argument_invalid("'" + std::string(name) + "' is no number from " + std::to_string(least) + " to " +
                                 std::to_string(most));
  }
  return std::optional(value);
}

hub::Result<std::optional<std::chrono::milliseconds>> Request::duration(std::string_view name) const {
  const std::string* text = parameter(name);
  if (text == nullptr) return std::optional<std::chrono::milliseconds>{};
  const auto parsed = parse_duration(*text);
  if (!parsed) return hub::argument_invalid("'" + std::string(name) + "' is no time such as 500ms, 30s, 2m, 1h or 3d");
  return parsed;
}

std::optional<hub::Identity> Request::identity() const {
  const std::string* device = parameter("device");
  if (device == nullptr || device->empty()) return std::nullopt;
  const std::string* module = parameter("module");
  return hub::Identity{{*device}, {module == nullptr ? std::string() : *module}};
}

hub::Result<Json> Request::arguments(std::initializer_list<std::string_view> names) const {
  Json all = Json::object();
  if (!exchange->request.body.empty()) {
    hub::Result<Json> json = hub::parse_json(exchange->request.body);
    if (!json) return hub::argument_invalid("the body is no JSON: " + json.error().reason);
    if (!json->is_object()) return hub::argument_invalid("the body is no JSON object");
    all = std::move(*json);
  }
  for (const auto& [name, value] : exchange->target.query) {
    if (name != "hub" && name != "token") all[name] = value;
  }
  for (const auto& [name, value] : all.items()) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      return hub::argument_invalid("there is no argument '" + name + "'");
    }
  }
  return all;
}

hub::Result<std::optional<std::string>> text_argument(const Json& arguments, const char* name) {
  const auto found = arguments.find(name);
  if (found == arguments.end()) return std::optional<std::string>{};
  if (!found->is_string()) return hub::argument_invalid("'" + std::string(name) + "' is no string");
  return std::optional(found->get<std::string>());
}

hub::Result<std::optional<bool>> truth_argument(const Json& arguments, const char* name) {
  const auto found = arguments.find(name);
  if (found == arguments.end()) return std::optional<bool>{};
  if (found->is_boolean()) return std::optional(found->get<bool>());
  if (*found == "true" || *found == "1" || *found == "") return std::optional(true);
  if (*found == "false" || *found == "0") return std::optional(false);
  return hub::argument_invalid("'" + std::string(name) + "' is neither true nor false");
}

hub::Result<std::optional<double>> number_argument(const Json& arguments, const char* name, double least, double most) {
  const auto found = arguments.find(name);
  if (found == arguments.end()) return std::optional<double>{};
  double value = least - 1;
  if (found->is_number()) value = found->get<double>();
  if (found->is_string()) {
    const auto& text = found->get_ref<const std::string&>();
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || stop != text.data() + text.size()) value = least - 1;
  }
  if (value >= least && value <= most) return std::optional(value);
  return hub::argument_invalid("'" + std::string(name) + "' is no number that fits");
}

hub::Result<std::optional<std::chrono::milliseconds>> duration_argument(const Json& arguments, const char* name) {
  const auto found = arguments.find(name);
  if (found == arguments.end()) return std::optional<std::chrono::milliseconds>{};
  const auto parsed = parse_duration(found->is_string() ? found->get<std::string>() : found->dump());
  if (parsed) return parsed;
  return hub::argument_invalid("'" + std::string(name) + "' is no time such as 500ms, 30s, 2m, 1h or 3d");
}

void Request::answer(const Json& body, int status) const {
  hub.commit_now();
  exchange->answer(json_response(body, status));
}

void Request::answer_text(std::string text, std::string content_type) const {
  hub.commit_now();
  exchange->answer({200, {{"Content-Type", std::move(content_type)}, {"Cache-Control", "no-store"}}, std::move(text)});
}

void Request::answer_no_content() const {
  hub.commit_now();
  exchange->answer({204, {}, {}});
}

void Request::answer_or_refuse(const hub::Result<Json>& result, int status) const {
  if (!result) return refuse(result.error());
  answer(*result, status);
}

void Request::answer_or_refuse(const hub::Result<void>& result) const {
  if (!result) return refuse(result.error());
  answer_no_content();
}

void Request::refuse(const HubError& error) const {
  hub.commit_now();
  exchange->answer(error_response(error));
}

}  // namespace iothub::heads::control
