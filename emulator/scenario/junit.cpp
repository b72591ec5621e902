#include "emulator/scenario/junit.h"

#include <algorithm>
#include <cstdio>

#include "emulator/hub/json.h"
#include "protocol/text/xml.h"

namespace iothub::scenario {
namespace {

std::string seconds(std::chrono::duration<double> time) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3f", time.count());
  return text;
}

std::string attribute(const char* name, std::string_view value) {
  return std::string(" ") + name + "=\"" + xml_escaped(value) + "\"";
}

std::size_t count(const Outcome& outcome, StepOutcome::State state) {
  return static_cast<std::size_t>(std::count_if(outcome.steps.begin(), outcome.steps.end(),
                                                [state](const StepOutcome& each) { return each.state == state; }));
}

std::string counts(std::size_t tests, std::size_t failures, std::size_t skipped, std::chrono::duration<double> took) {
  return attribute("tests", std::to_string(tests)) + attribute("failures", std::to_string(failures)) +
         attribute("errors", "0") + attribute("skipped", std::to_string(skipped)) + attribute("time", seconds(took));
}

}  // namespace

std::string xml_escaped(std::string_view text) {
  // Through JSON's writer, which replaces what is no UTF-8.
  const hub::Json clean = hub::Json::parse(hub::Json(text).dump(-1, ' ', false, hub::Json::error_handler_t::replace));
  std::string out;
  for (const char c : text::xml_escape(clean.get_ref<const std::string&>())) {
    switch (c) {
      case '\n':
        out += "&#10;";
        break;  // an attribute's plain line end would be read as a space
      case '\t':
        out += "&#9;";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          out += "\xEF\xBF\xBD";
        } else {
          out += c;
        }
    }
  }
  return out;
}

std::string junit_xml(std::span<const Outcome> outcomes) {
  using State = StepOutcome::State;
  std::size_t tests = 0, failures = 0, skipped = 0;
  std::chrono::duration<double> took{0};
  std::string suites;
  for (const Outcome& outcome : outcomes) {
    const std::size_t failed = count(outcome, State::failed), left_out = count(outcome, State::skipped);
    tests += outcome.steps.size();
    failures += failed;
    skipped += left_out;
    took += outcome.took;
    suites += "  <testsuite" + attribute("name", outcome.name) + attribute("file", outcome.file) +
              counts(outcome.steps.size(), failed, left_out, outcome.took) + ">\n";
    for (const StepOutcome& step : outcome.steps) {
      suites += "    <testcase" + attribute("classname", outcome.name) + attribute("name", step.name) +
                attribute("time", seconds(step.took));
      switch (step.state) {
        case State::passed:
          suites += "/>\n";
          break;
        case State::skipped:
          suites += "><skipped/></testcase>\n";
          break;
        case State::failed:
          suites += "><failure" + attribute("message", step.failure.substr(0, step.failure.find('\n'))) + ">" +
                    xml_escaped(step.failure) + "</failure></testcase>\n";
          break;
      }
    }
    suites += "  </testsuite>\n";
  }
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites" + counts(tests, failures, skipped, took) + ">\n" +
         suites + "</testsuites>\n";
}

}  // namespace iothub::scenario
