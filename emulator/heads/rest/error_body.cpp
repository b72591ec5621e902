#include "emulator/heads/rest/error_body.h"

#include <string_view>

#include "emulator/hub/json.h"

namespace iothub::heads::rest {
namespace {

using hub::Json;

/// Messages quote what a client sent, and that need not be UTF-8.
std::string dump(const Json& body) {
  return body.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string tracking_text(const Tracking& tracking, std::string_view gateway = "-G:0") {
  return tracking.id + std::string(gateway) + "-TimeStamp:" + text::us_time(tracking.time);
}

std::string form_a(const hub::HubError& error, const std::string& tracking) {
  Json body;
  body["Message"] = "ErrorCode:" + std::string(name_of(error.code)) + ";" + error.message;
  body["ExceptionMessage"] = "Tracking ID:" + tracking;
  return dump(body);
}

}  // namespace

std::string Tracking::guid() const {
  return id.substr(0, 8) + "-" + id.substr(8, 4) + "-" + id.substr(12, 4) + "-" + id.substr(16, 4) + "-" +
         id.substr(20);
}

std::string error_body_a(const hub::HubError& error, const Tracking& tracking) {
  return form_a(error, tracking_text(tracking));
}

std::string error_body_b(const hub::HubError& error, const Tracking& tracking) {
  Json inner;
  inner["errorCode"] = static_cast<int>(error.code);
  inner["trackingId"] = tracking_text(tracking);
  inner["message"] = error.message;
  if (!error.info.empty()) inner["info"] = Json::parse(error.info);
  inner["timestampUtc"] = text::iso_time(tracking.time);
  Json body;
  body["Message"] = dump(inner);
  body["ExceptionMessage"] = "";
  return dump(body);
}

std::string error_body_b_bare(const hub::HubError& error, const Tracking& tracking) {
  Json body;
  body["errorCode"] = static_cast<int>(error.code);
  body["message"] = error.message;
  body["trackingId"] = tracking_text(tracking);
  body["timestampUtc"] = text::iso_time(tracking.time);
  return dump(body);
}

std::string error_body(ErrorForm form, const hub::HubError& error, const Tracking& tracking) {
  if (error.code == hub::ErrorCode::ModuleAlreadyExistsOnDevice) return error_body_b_bare(error, tracking);
  if (error.code == hub::ErrorCode::ThrottlingException) return error_body_a(error, tracking);
  if (form == ErrorForm::a_twin && error.code == hub::ErrorCode::PreconditionFailed) {
    return form_a(error, tracking_text(tracking, ""));
  }
  return form == ErrorForm::b ? error_body_b(error, tracking) : error_body_a(error, tracking);
}

}  // namespace iothub::heads::rest
