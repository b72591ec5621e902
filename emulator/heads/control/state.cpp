/// The whole content of hubs: reset, snapshots, and hubs that come and go.
#include "emulator/heads/control/control.h"
#include "emulator/heads/control/operations.h"
#include "emulator/heads/control/request.h"

namespace iothub::heads::control {

using hub::Json;

void post_reset(const Request& request) {
  const hub::Result<Json> arguments = request.arguments({"device", "links"});
  if (!arguments) return request.refuse(arguments.error());
  const auto device = text_argument(*arguments, "device");
  if (!device) return request.refuse(device.error());
  const auto links = text_argument(*arguments, "links");
  if (!links) return request.refuse(links.error());
  const std::string kind = links->value_or("drop");
  if (kind != "drop" && kind != "keep")
    return request.refuse(hub::argument_invalid("'links' is neither drop nor keep"));
  const auto reset = kind == "keep" ? hub::ResetLinks::keep : hub::ResetLinks::drop;

  Actions& actions = request.control.actions();
  if (*device) return request.answer_or_refuse(actions.reset_device(request.hub, {**device}, reset));
  request.answer_or_refuse(actions.reset_hub(request.hub, reset));
}

void list_snapshots(const Request& request) {
  request.answer(request.control.actions().snapshots());
}

void save_snapshot(const Request& request) {
  request.answer_or_refuse(request.control.actions().save_snapshot(request.hub, request.ids.at(0)), 201);
}

void remove_snapshot(const Request& request) {
  request.answer_or_refuse(request.control.actions().remove_snapshot(request.ids.at(0)));
}

void restore_snapshot(const Request& request) {
  request.answer_or_refuse(request.control.actions().restore_snapshot(request.hub, request.ids.at(0)));
}

void fork_snapshot(const Request& request) {
  const hub::Result<Json> arguments = request.arguments({"name"});
  if (!arguments) return request.refuse(arguments.error());
  const auto name = text_argument(*arguments, "name");
  if (!name) return request.refuse(name.error());
  request.answer_or_refuse(request.control.actions().add_hub(name->value_or(""), request.ids.at(0)), 201);
}

void list_hubs(const Request& request) {
  request.answer(request.control.actions().hubs());
}

void add_hub(const Request& request) {
  const hub::Result<Json> arguments = request.arguments({"name", "snapshot"});
  if (!arguments) return request.refuse(arguments.error());
  const auto name = text_argument(*arguments, "name");
  if (!name) return request.refuse(name.error());
  const auto snapshot = text_argument(*arguments, "snapshot");
  if (!snapshot) return request.refuse(snapshot.error());
  request.answer_or_refuse(request.control.actions().add_hub(name->value_or(""), snapshot->value_or("")), 201);
}

void remove_hub(const Request& request) {
  // The hub that goes may be the one that the request's host names: it lives until all that speaks to it has ended.
  hub::Hub* const leaving = request.control.hubs().find(request.ids.at(0));
  const hub::Result<void> removed = request.control.actions().remove_hub(request.ids.at(0));
  if (removed && leaving != nullptr) request.control.end_waiters(*leaving, "the hub was removed");
  request.answer_or_refuse(removed);
}

}  // namespace iothub::heads::control
