// Devices and modules of the registry (rest.md 3, rows 1-4 and 7-10).
#include <charconv>
#include <cstdint>
#include <optional>

#include "emulator/heads/rest/call.h"
#include "emulator/heads/rest/operations.h"
#include "emulator/hub/identity_json.h"

namespace iothub::heads::rest {
namespace {

void answer_identity(Call& call, const hub::IdentityView& identity) {
  http::Headers headers;
  // Only devices carry it (recorded); C# lets the header win over the body's etag.
  if (identity.row.module_id.empty()) headers.push_back({"ETag", '"' + hub::identity_etag(identity.row.etag) + '"'});
  call.answer(hub::identity_to_json(identity), std::move(headers));
}

void answer_identities(Call& call, const std::vector<hub::IdentityView>& identities) {
  hub::Json list = hub::Json::array();
  for (const hub::IdentityView& identity : identities) list.push_back(hub::identity_to_json(identity));
  call.answer(list);
}

/// Nothing for what is not a number: the registry then gives as many as it may.
std::optional<std::int64_t> top_of(const Call& call) {
  const std::string* text = call.target().parameter("top");
  if (text == nullptr) return std::nullopt;
  std::int64_t top = 0;
  const char* const end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, top);
  return error == std::errc{} && stop == end ? std::optional(top) : std::nullopt;
}

}  // namespace

void get_identity(Call& call) {
  const hub::Result<hub::IdentityView> identity = call.hub().registry().get(call.identity());
  if (!identity) return call.refuse(identity.error());
  answer_identity(call, *identity);
}

void put_identity(Call& call) {
  const hub::Result<hub::Json> body = call.json_body();
  if (!body) return call.refuse(body.error());
  const hub::Result<hub::IdentityWrite> write = hub::identity_from_json(*body, call.identity());
  if (!write) return call.refuse(write.error());
  const hub::Result<hub::IdentityView> identity = call.hub().registry().put(call.identity(), *write, call.if_match());
  if (!identity) return call.refuse(identity.error());
  answer_identity(call, *identity);
}

void delete_identity(Call& call) {
  call.answer_done(call.hub().registry().remove(call.identity(), call.if_match()));
}

void list_devices(Call& call) {
  answer_identities(call, call.hub().registry().devices(top_of(call)));
}

void list_modules(Call& call) {
  const hub::Result<std::vector<hub::IdentityView>> modules = call.hub().registry().modules(call.identity().device);
  if (!modules) return call.refuse(modules.error());
  answer_identities(call, *modules);
}

}  // namespace iothub::heads::rest
