/// Seeds of a hub that runs.
#include "emulator/heads/control/control.h"
#include "emulator/heads/control/operations.h"
#include "emulator/heads/control/request.h"

namespace iothub::heads::control {
namespace {

using hub::Json;

/// The body is the seed; with `several` it is `{"seeds":[{"name":"a.yaml","text":".."}]}`.
hub::Result<std::vector<SeedText>> seeds_of(const Request& request) {
  const std::string& body = request.exchange->request.body;
  const std::string* several = request.parameter("several");
  if (several == nullptr || *several == "false") {
    const std::string* name = request.parameter("name");
    return std::vector<SeedText>{{name == nullptr ? "the request" : *name, body}};
  }
  const hub::Result<Json> json = hub::parse_json(body);
  if (!json) return hub::argument_invalid("the body is no JSON: " + json.error().reason);
  const hub::HubError wrong = hub::argument_invalid(R"(the body is not {"seeds":[{"name":"..","text":".."}]})");
  if (!json->is_object() || !json->contains("seeds") || !json->at("seeds").is_array()) return wrong;
  std::vector<SeedText> seeds;
  for (const Json& each : json->at("seeds")) {
    if (!each.is_object() || !each.value("name", Json()).is_string() || !each.value("text", Json()).is_string())
      return wrong;
    seeds.push_back({each.at("name").get<std::string>(), each.at("text").get<std::string>()});
  }
  return seeds;
}

}  // namespace

void get_seed(const Request& request) {
  const hub::Result<std::string> seed = request.control.actions().export_seed(request.hub);
  if (!seed) return request.refuse(seed.error());
  request.answer_text(*seed, "application/json; charset=utf-8");
}

void post_seed(const Request& request) {
  const auto seeds = seeds_of(request);
  if (!seeds) return request.refuse(seeds.error());
  request.answer_or_refuse(request.control.actions().apply_seeds(request.hub, *seeds));
}

void diff_seed(const Request& request) {
  const auto seeds = seeds_of(request);
  if (!seeds) return request.refuse(seeds.error());
  request.answer_or_refuse(request.control.actions().diff_seeds(request.hub, *seeds));
}

}  // namespace iothub::heads::control
