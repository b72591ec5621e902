#pragma once
/// One request of the control API and the hub it is about.
#include <chrono>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/heads/http_service.h"
#include "emulator/hub/hub.h"
#include "emulator/hub/json.h"

namespace iothub::heads::control {

class Control;

struct Request {
  Control& control;
  hub::Hub& hub;
  std::shared_ptr<HttpExchange> exchange;
  std::vector<std::string> ids;  ///< what the path's `{...}` took

  /// A query parameter; null when there is none.
  const std::string* parameter(std::string_view name) const { return exchange->target.parameter(name); }
  /// 400004 for what is no whole number in the range.
  hub::Result<std::optional<std::int64_t>> number(std::string_view name, std::int64_t least, std::int64_t most) const;
  /// `30s`, `500ms`, `2m`, `1h`, `3d` or seconds; 400004 for what is none.
  hub::Result<std::optional<std::chrono::milliseconds>> duration(std::string_view name) const;
  /// The identity that `device` and `module` name; nothing without `device`.
  std::optional<hub::Identity> identity() const;
  /// What was asked for: the members of the body, and over them the query's parameters, as strings. 400004 for a body
  /// that is no JSON object, and for a name that is not among `names`.
  hub::Result<hub::Json> arguments(std::initializer_list<std::string_view> names) const;

  // Each commits what the request has written before it says anything: storage::Error when that fails.
  void answer(const hub::Json& body, int status = 200) const;
  void answer_text(std::string text, std::string content_type) const;
  void answer_no_content() const;
  void answer_or_refuse(const hub::Result<hub::Json>& result, int status = 200) const;
  void answer_or_refuse(const hub::Result<void>& result) const;
  void refuse(const hub::HubError& error) const;
};

// An argument as what it has to be: JSON of that kind or its text; nothing when it was not given. 400004.
hub::Result<std::optional<std::string>> text_argument(const hub::Json& arguments, const char* name);
hub::Result<std::optional<bool>> truth_argument(const hub::Json& arguments, const char* name);
hub::Result<std::optional<double>> number_argument(const hub::Json& arguments, const char* name, double least,
                                                   double most);
/// Text as parse_duration() reads it, or a number of seconds.
hub::Result<std::optional<std::chrono::milliseconds>> duration_argument(const hub::Json& arguments, const char* name);

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

/// `{"error":{"code":400004,"name":"ArgumentInvalid","message":"..","hint":".."}}`
http::Response error_response(const hub::HubError& error);
http::Response json_response(const hub::Json& body, int status);

}  // namespace iothub::heads::control
