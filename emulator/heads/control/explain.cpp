/// Why something did not work.
#include "emulator/hub/routing/explain.h"
#include "emulator/heads/control/control.h"
#include "emulator/heads/control/operations.h"
#include "emulator/heads/control/request.h"
#include "emulator/heads/control/sliced_work.h"
#include "emulator/hub/configurations_dry_run.h"
#include "emulator/hub/query/queries.h"
#include "emulator/hub/refusals.h"
#include "emulator/hub/routing/routing.h"

namespace iothub::heads::control {
namespace {

using hub::Json;

constexpr std::int64_t kExplainedRows = 10;
constexpr std::int64_t kMostRows = 1'000'000;

Json refusal_json(const hub::Refusal& refusal) {
  Json json;
  json["time"] = text::iso_time(refusal.time);
  json["protocol"] = refusal.protocol;
  if (!refusal.who.empty()) json["who"] = refusal.who;
  json["operation"] = refusal.operation;
  if (refusal.code != 0) {
    json["code"] = refusal.code;
    json["name"] = hub::name_of(static_cast<hub::ErrorCode>(refusal.code));
  }
  if (!refusal.message.empty()) json["message"] = refusal.message;
  json["reason"] = refusal.reason;
  if (!refusal.hint.empty()) json["hint"] = refusal.hint;
  return json;
}

bool is_about(const hub::Refusal& refusal, const std::optional<hub::Identity>& identity) {
  if (!identity) return true;
  if (identity->is_module()) return refusal.who == identity->name();
  return refusal.who == identity->device.value || refusal.who.starts_with(identity->device.value + "/");
}

}  // namespace

void get_explain(const Request& request) {
  const auto limit = request.number("limit", 1, hub::Refusals::kKept);
  if (!limit) return request.refuse(limit.error());
  Json refusals = Json::array();
  const auto& all = request.hub.refusals().all();
  for (auto refusal = all.rbegin(); refusal != all.rend(); ++refusal) {
    if (static_cast<std::int64_t>(refusals.size()) == limit->value_or(20)) break;
    if (is_about(*refusal, request.identity())) refusals.push_back(refusal_json(*refusal));
  }
  request.answer({{"refusals", refusals}});
}

void explain_query(const Request& request) {
  const hub::Result<Json> arguments = request.arguments({"query"});
  if (!arguments) return request.refuse(arguments.error());
  const auto query = text_argument(*arguments, "query");
  if (!query) return request.refuse(query.error());
  if (!*query) return request.refuse(hub::argument_invalid("'query' is missing"));
  auto run = request.hub.queries().start(**query, kExplainedRows, std::nullopt);
  if (!run) {
    Json wrong{{"valid", false}, {"code", static_cast<int>(run.error().code)}, {"message", run.error().message}};
    if (!run.error().reason.empty()) wrong["reason"] = run.error().reason;
    return request.answer(wrong);
  }
  struct Explained {
    std::unique_ptr<hub::query::Run> run;
    bool complete = false;
  };
  const auto explained = std::make_shared<Explained>(Explained{std::move(*run)});
  const auto step = [explained] {
    explained->complete = explained->run->step();
    return explained->complete || explained->run->rows_read() >= kMostRows;
  };
  const auto answer = [explained] {
    const hub::query::Page& page = explained->run->page();
    return Json{{"valid", true},
                {"itemType", page.item_type},
                {"rowsLookedAt", explained->run->rows_read()},
                {"complete", explained->complete},
                {"more", page.continuation.has_value()},
                {"items", Json::parse(page.array())}};
  };
  std::make_shared<SlicedWork>(request, step, answer)->begin();
}

void explain_route(const Request& request) {
  const hub::Result<Json> arguments = request.arguments({"message", "source", "device", "module", "routing"});
  if (!arguments) return request.refuse(arguments.error());
  const auto source = text_argument(*arguments, "source");
  if (!source) return request.refuse(source.error());
  const auto device = text_argument(*arguments, "device");
  if (!device) return request.refuse(device.error());
  const auto module = text_argument(*arguments, "module");
  if (!module) return request.refuse(module.error());
  if (!arguments->contains("message")) return request.refuse(hub::argument_invalid("'message' is missing"));
  hub::Result<storage::EventRow> event =
      hub::routing::test_message(arguments->at("message"), source->value_or("DeviceMessages"));
  if (!event) return request.refuse(event.error());
  if (*device) event->device_id = **device;
  if (*module) event->module_id = **module;
  const auto routing = arguments->find("routing");
  if (routing == arguments->end() || routing->is_null()) return request.answer(request.hub.routing().explain(*event));
  // Of routes that are being written.
  const hub::Result<hub::routing::Routes> routes =
      hub::routing::parse_routes(routing->is_string() ? routing->get<std::string>() : hub::dump(*routing));
  if (!routes) return request.refuse(routes.error());
  const hub::Result<hub::TwinView> sender = request.hub.twins().get({{event->device_id}, {event->module_id}});
  request.answer(hub::routing::explain(*routes, *event, sender ? sender->twin : nullptr));
}

void explain_configuration(const Request& request) {
  const hub::Result<Json> arguments = request.arguments({"configuration"});
  if (!arguments) return request.refuse(arguments.error());
  const auto configuration = arguments->find("configuration");
  if (configuration == arguments->end() || !configuration->is_object()) {
    return request.refuse(hub::argument_invalid("'configuration' is missing, or no JSON object"));
  }
  const auto dry_run =
      std::make_shared<hub::DryRun>(request.hub, hub::text_member(*configuration, "id"), *configuration);
  std::make_shared<SlicedWork>(
      request, [dry_run] { return dry_run->step(); }, [dry_run] { return dry_run->answer(); })
      ->begin();
}

}  // namespace iothub::heads::control
