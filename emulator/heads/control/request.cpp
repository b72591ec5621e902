#include "emulator/heads/control/request.h"

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
  inner["message"] = error.message;
  if (!error.reason.empty()) inner["reason"] = error.reason;
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

hub::Result<Json> Request::body() const {
  if (exchange->request.body.empty()) return Json::object();
  hub::Result<Json> json = hub::parse_json(exchange->request.body);
  if (json && !json->is_object()) return hub::argument_invalid("the body is no JSON object");
  return json;
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

void Request::refuse(const HubError& error) const {
  hub.commit_now();
  exchange->answer(error_response(error));
}

}  // namespace iothub::heads::control
