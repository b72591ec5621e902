// Digital twins and their commands (rest.md 3, rows 35-38).
#include "emulator/hub/digital_twin.h"

#include <charconv>

#include "emulator/heads/rest/call.h"
#include "emulator/heads/rest/operations.h"
#include "emulator/hub/etag.h"
#include "emulator/hub/methods.h"
#include "protocol/text/percent.h"

namespace iothub::heads::rest {
namespace {

std::string quoted_etag(const hub::Twin& twin) {
  return "\"" + hub::twin_etag(twin.etag) + "\"";
}

/// A query parameter as the member of a method call's body; not a number: as it stands, for the body's check to refuse.
void add_timeout(hub::Json& body, const Call& call, const char* parameter) {
  const std::string* text = call.target().parameter(parameter);
  if (text == nullptr) return;
  std::int64_t seconds = 0;
  const auto [stop, error] = std::from_chars(text->data(), text->data() + text->size(), seconds);
  const bool number = error == std::errc{} && stop == text->data() + text->size();
  body[parameter] = number ? hub::Json(seconds) : hub::Json(*text);
}

void invoke_command(Call& call, const std::string& method) {
  hub::Json body = {{"methodName", method}, {"payload", nullptr}};
  if (!call.request().body.empty()) {
    const hub::Result<hub::Json> payload = call.json_body();
    if (!payload) return call.refuse(payload.error());
    body["payload"] = *payload;
  }
  add_timeout(body, call, "responseTimeoutInSeconds");
  add_timeout(body, call, "connectTimeoutInSeconds");
  hub::Result<hub::MethodCall> command = hub::MethodCall::from_json(body);
  if (!command) return call.refuse(command.error());

  hub::Methods& methods = call.hub().methods();
  const auto done = [kept = call.shared_from_this()](hub::Result<hub::MethodAnswer> answer) {
    if (!answer) return kept->refuse(answer.error());
    kept->answer(answer->payload, {{"x-ms-command-statuscode", std::to_string(answer->status)}});
  };
  const std::uint64_t id = methods.invoke({{call.id(0)}}, std::move(*command), done);
  if (id != 0) call.on_abandon([&methods, id] { methods.cancel(id); });
}

}  // namespace

void get_digital_twin(Call& call) {
  const hub::DeviceId device{call.id(0)};
  const hub::Result<hub::TwinView> twin = call.hub().twins().get({device});
  if (!twin) return call.refuse(twin.error());
  call.answer(hub::digital_twin_document(device, *twin->twin), {{"ETag", quoted_etag(*twin->twin)}});
}

void patch_digital_twin(Call& call) {
  const hub::Result<hub::Json> body = call.json_body();
  if (!body) return call.refuse(body.error());
  const hub::Result<hub::Json> desired = hub::desired_patch_of(*body);
  if (!desired) return call.refuse(desired.error());
  const hub::Json patch = {{"properties", {{"desired", *desired}}}};
  const hub::Result<hub::TwinView> twin = call.hub().twins().patch({{call.id(0)}}, patch, call.if_match());
  if (!twin) return call.refuse(twin.error());
  call.answer_empty(
      202, {{"ETag", quoted_etag(*twin->twin)},
            {"Location", "https://" + call.hub().host_name() + "/digitaltwins/" + text::percent_encode(call.id(0))}});
}

void invoke_root_command(Call& call) {
  invoke_command(call, call.id(1));
}

// The device hears a component's command as `component*command` (probed).
void invoke_component_command(Call& call) {
  invoke_command(call, call.id(1) + "*" + call.id(2));
}

}  // namespace iothub::heads::rest
