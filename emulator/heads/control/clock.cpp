/// The hub's time in the test's hand.
#include "emulator/heads/control/control.h"
#include "emulator/heads/control/operations.h"
#include "emulator/heads/control/request.h"
#include "emulator/hub/observer.h"
#include "emulator/hub/virtual_time.h"

namespace iothub::heads::control {
namespace {

using hub::Json;

Json clock_json(const hub::VirtualTime& time) {
  return {{"time", text::iso_time(time.now())},
          {"frozen", time.is_frozen()},
          {"offsetSeconds", static_cast<double>(time.offset().count()) / 1000},
          {"rulesSasExpiry", time.rules_sas_expiry()}};
}

/// Reads the arguments, lets `move` change the time by them, and answers how the clock stands.
template <typename Move>
void change_clock(const Request& request, std::initializer_list<std::string_view> names, Move move) {
  const hub::Result<Json> arguments = request.arguments(names);
  if (!arguments) return request.refuse(arguments.error());
  const auto rules = truth_argument(*arguments, "sasExpiry");
  if (!rules) return request.refuse(rules.error());
  hub::VirtualTime& time = request.control.actions().time(request.hub);
  const bool ruled = time.rules_sas_expiry();
  if (*rules) time.rule_sas_expiry(**rules);  // before the move: what becomes due by it may ask
  if (const hub::Result<void> moved = move(time, *arguments); !moved) {
    time.rule_sas_expiry(ruled);
    return request.refuse(moved.error());
  }
  const std::string now = text::iso_time(time.now());
  request.hub.observers().tell(hub::Happening::clock_moved, {}, [&] { return hub::detail_text({{"time", now}}); });
  request.answer(clock_json(time));
}

hub::Result<std::optional<Timestamp>> time_argument(const Json& arguments, const char* name) {
  const auto text = text_argument(arguments, name);
  if (!text) return text.error();
  if (!*text) return std::optional<Timestamp>{};
  const auto time = text::parse_iso_time(**text);
  if (!time) return hub::argument_invalid("'" + std::string(name) + "' is no time such as 2026-01-01T00:00:00Z");
  return time;
}

}  // namespace

void get_clock(const Request& request) {
  request.answer(clock_json(request.control.actions().time(request.hub)));
}

void freeze_clock(const Request& request) {
  change_clock(request, {"at", "sasExpiry"}, [](hub::VirtualTime& time, const Json& arguments) -> hub::Result<void> {
    const auto at = time_argument(arguments, "at");
    if (!at) return at.error();
    time.freeze();
    if (*at) time.set(**at);
    return {};
  });
}

void advance_clock(const Request& request) {
  change_clock(request, {"by", "sasExpiry"}, [](hub::VirtualTime& time, const Json& arguments) -> hub::Result<void> {
    const auto by = duration_argument(arguments, "by");
    if (!by) return by.error();
    if (!*by) return hub::argument_invalid("'by' says how far: 500ms, 30s, 2m, 1h, 3d");
    time.advance(**by);
    return {};
  });
}

void set_clock(const Request& request) {
  change_clock(request, {"to", "sasExpiry"}, [](hub::VirtualTime& time, const Json& arguments) -> hub::Result<void> {
    const auto to = time_argument(arguments, "to");
    if (!to) return to.error();
    if (!*to) return hub::argument_invalid("'to' says which time: 2026-01-01T00:00:00Z");
    time.set(**to);
    return {};
  });
}

void resume_clock(const Request& request) {
  change_clock(request, {"real", "sasExpiry"}, [](hub::VirtualTime& time, const Json& arguments) -> hub::Result<void> {
    const auto real = truth_argument(arguments, "real");
    if (!real) return real.error();
    if (real->value_or(false)) {
      time.follow_wall();
    } else {
      time.resume();
    }
    return {};
  });
}

}  // namespace iothub::heads::control
