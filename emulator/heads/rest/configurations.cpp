// Configurations and edge deployments (rest.md 3, rows 11 and 20-24).
#include "emulator/hub/configurations.h"

#include "emulator/heads/rest/call.h"
#include "emulator/heads/rest/operations.h"

namespace iothub::heads::rest {
namespace {

/// The id stands where other paths have the device's.
std::string configuration_id(const Call& call) {
  return call.identity().device.value;
}

void answer_configuration(Call& call, const hub::Result<hub::Json>& configuration) {
  if (!configuration) return call.refuse(configuration.error());
  call.answer(*configuration, {{"ETag", '"' + configuration->at("etag").get<std::string>() + '"'}});
}

}  // namespace

void list_configurations(Call& call) {
  call.answer(call.hub().configurations().list());  // `top` is ignored (probed)
}

void get_configuration(Call& call) {
  answer_configuration(call, call.hub().configurations().get(configuration_id(call)));
}

void put_configuration(Call& call) {
  const hub::Result<hub::Json> body = call.json_body();
  if (!body) return call.refuse(body.error());
  answer_configuration(call, call.hub().configurations().put(configuration_id(call), *body, call.if_match()));
}

void delete_configuration(Call& call) {
  call.answer_done(call.hub().configurations().remove(configuration_id(call), call.if_match()));
}

void test_configuration_queries(Call& call) {
  const hub::Result<hub::Json> body = call.json_body();
  if (!body) return call.refuse(body.error());
  const hub::Result<hub::Json> tested = hub::test_configuration_queries(*body);
  if (!tested) return call.refuse(tested.error());
  call.answer(*tested);
}

void apply_configuration_content(Call& call) {
  const hub::Result<hub::Json> body = call.json_body();
  if (!body) return call.refuse(body.error());
  call.answer_done(call.hub().configurations().apply_content(call.identity().device, *body));
}

}  // namespace iothub::heads::rest
