// Scenario files and simulated devices' templates: refused with a place, or complete; matchers that were checked work.
#include "emulator/scenario/scenario.h"

#include "emulator/scenario/matcher.h"
#include "tests/fuzz/support/require.h"
#include "tests/fuzz/targets.h"

namespace iothub::fuzz {
namespace {

using hub::Json;

void require_located(const seed::LocatedError& error) {
  require(error.mark.line >= 1 && error.mark.column >= 1 && !error.what.empty(), "a refusal says where and why");
}

void require_works(const scenario::Expectation& expectation) {
  const Json came[] = {Json::object(),
                       Json::parse(R"({"body":{"t":21,"s":"v1"},"device":"d1","properties":{"a":"b"}})")};
  for (std::size_t count = 0; count <= std::size(came); ++count) {
    const std::span<const Json> some = std::span(came).first(count);
    if (verdict(expectation, some) != scenario::Verdict::met) {
      require(!failure(expectation, some).empty(), "a miss is told");
    }
  }
  require(scenario::compare(expectation.matcher, came[1]).agreed <= 100'000, "a comparison ends");
}

}  // namespace

void scenario_file(std::string_view input) {
  if (input.size() > 4000) return;
  const auto files = [&](const std::string& name) -> std::optional<std::string> {
    if (name.ends_with(".missing")) return std::nullopt;
    return name.ends_with("template.yaml") ? "telemetry: {body: {t: {$counter: {}}}}" : "devices: [{deviceId: s1}]";
  };
  if (const auto templated = simulate::parse_template(input, "template.yaml"); !templated) {
    require_located(templated.error());
  }
  const auto parsed = scenario::parse(input, "scenario.yaml", files);
  if (!parsed) return require_located(parsed.error());
  require(!parsed->steps.empty(), "a scenario has steps");
  for (const scenario::Step& step : parsed->steps) {
    require(!step.action.empty() && !step.name.empty() && step.mark.line >= 1, "a step has an action, a name, a place");
    require(step.after.count() >= 0, "no step is before another");
    require_works(step.expectation);
  }
}

}  // namespace iothub::fuzz
