/// Simulated devices (docs/simulate.md).
#include <charconv>
#include <cmath>

#include "emulator/heads/control/control.h"
#include "emulator/heads/control/operations.h"
#include "emulator/heads/control/request.h"

namespace iothub::heads::control {
namespace {

using hub::Json;

constexpr double kMostDevices = 1000;
constexpr double kLeastRate = 0.001;
constexpr double kHighestRate = 10'000;

hub::Result<SimulationStart> start_of(const Json& arguments) {
  SimulationStart start;
  const auto prefix = text_argument(arguments, "prefix");
  if (!prefix) return prefix.error();
  start.prefix = prefix->value_or("simulated");
  if (start.prefix.empty()) return hub::argument_invalid("'prefix' is empty: the devices are called PREFIX-1, ..");
  const auto devices = number_argument(arguments, "devices", 1, kMostDevices);
  if (!devices) return devices.error();
  start.devices = static_cast<int>(std::floor(devices->value_or(1)));
  const auto rate = number_argument(arguments, "rate", kLeastRate, kHighestRate);
  if (!rate) return rate.error();
  start.rate = rate->value_or(1);
  const auto duration = duration_argument(arguments, "duration");
  if (!duration) return duration.error();
  start.duration = duration->value_or(std::chrono::milliseconds{0});
  if (const auto given = arguments.find("template"); given != arguments.end() && !given->is_null()) {
    if (!given->is_string() && !given->is_object()) {
      return hub::argument_invalid("'template' is neither a JSON object nor the text of a template file");
    }
    start.device_template = given->is_string() ? given->get<std::string>() : hub::dump(*given);
  }
  return start;
}

}  // namespace

void list_simulations(const Request& request) {
  request.answer(request.control.actions().simulations(request.hub));
}

void start_simulation(const Request& request) {
  const hub::Result<Json> arguments = request.arguments({"prefix", "devices", "rate", "duration", "template"});
  if (!arguments) return request.refuse(arguments.error());
  const hub::Result<SimulationStart> start = start_of(*arguments);
  if (!start) return request.refuse(start.error());
  request.answer_or_refuse(request.control.actions().start_simulation(request.hub, *start), 201);
}

void remove_simulation(const Request& request) {
  const std::string& text = request.ids.at(0);
  std::int64_t id = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc{} || stop != text.data() + text.size()) {
    return request.refuse({hub::ErrorCode::GenericNotFound, "there is no simulation '" + text + "'", {}, {}});
  }
  request.answer_or_refuse(request.control.actions().remove_simulation(request.hub, id));
}

}  // namespace iothub::heads::control
