// Seed files: applied again they change nothing; what is refused has changed nothing; an export is a seed that makes
// the same hub.
#include "emulator/seed/seed.h"

#include <array>

#include "emulator/hub/json.h"
#include "tests/fuzz/support/fuzz_world.h"
#include "tests/fuzz/support/require.h"
#include "tests/fuzz/targets.h"

namespace iothub::fuzz {
namespace {

std::string exported(hub::Hub& hub) {
  return hub::dump(seed::export_hub(hub));
}

std::string lines(const seed::Report& report) {
  std::string text;
  for (const std::string& change : report.changes) text += change + '\n';
  return text;
}

void require_located(const seed::LocatedError& error) {
  require(error.mark.line >= 1 && error.mark.column >= 1 && !error.what.empty(), "a refusal says where and why");
}

/// Changes nothing more.
void require_settled(hub::Hub& hub, const seed::Seed& seed, const std::string& what) {
  const auto again = seed::apply(hub, std::span(&seed, 1));
  require(again.has_value(), what + " applies: " + (again ? "" : again.error().text()));
  require(again->changes.empty(), what + " changes nothing:\n" + lines(*again));
}

}  // namespace

void seed_file(std::string_view input) {
  const auto parsed = seed::parse(input, "seed.yaml");
  if (!parsed) return require_located(parsed.error());
  const std::string again_text = hub::dump(parsed->document.value);
  const auto as_json = seed::parse(again_text, "seed.json");
  require(as_json.has_value(), "the same document as JSON is a seed: " + again_text);
  require(as_json->document.value == parsed->document.value, "the same document as JSON says the same");

  FuzzWorld world;
  const std::string before = exported(world.hub);
  const auto planned = seed::diff(world.hub, std::span(&*parsed, 1));
  require(exported(world.hub) == before, "a diff changes nothing");
  const auto applied = seed::apply(world.hub, std::span(&*parsed, 1));
  require(planned.has_value() == applied.has_value(), "a diff refuses what apply refuses");
  if (!applied) {
    require(exported(world.hub) == before, "a refused seed changed the hub");
    return require_located(applied.error());
  }
  require(lines(*planned) == lines(*applied), "a diff tells what apply does");
  require_settled(world.hub, *parsed, "a seed that was applied");

  const std::string after = exported(world.hub);
  const auto export_seed = seed::parse(after, "export.json");
  require(export_seed.has_value(), "an export is a seed: " + (export_seed ? "" : export_seed.error().text()) + after);
  require_settled(world.hub, *export_seed, "its own export");
}

}  // namespace iothub::fuzz
