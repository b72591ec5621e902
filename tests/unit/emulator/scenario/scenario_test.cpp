#include "emulator/scenario/scenario.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

using namespace iothub;

namespace {

std::string content_of(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  REQUIRE_MESSAGE(stream, file.string());
  return {std::istreambuf_iterator<char>(stream), {}};
}

std::vector<std::filesystem::path> bad_scenarios() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::filesystem::path(IOTHUB_TEST_DATA) / "scenarios/bad"))
    if (entry.path().extension() != ".message") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

std::optional<std::string> no_file(const std::string&) {
  return std::nullopt;
}

}  // namespace

TEST_CASE("each bad scenario of the corpus is refused with the message that stands beside it") {
  // tests/data/scenarios/bad: NAME.yaml (or .json) and NAME.message.
  const auto files = bad_scenarios();
  CHECK(files.size() >= 20);
  for (const auto& file : files) {
    CAPTURE(file.string());
    const auto parsed = scenario::parse(content_of(file), file.filename().string(), no_file);
    REQUIRE_FALSE(parsed.has_value());
    std::filesystem::path beside = file;
    CHECK(parsed.error().text() + "\n" == content_of(beside.replace_extension(".message")));
  }
}

TEST_CASE("no damaged scenario crashes the reader") {
  std::mt19937 chance(7);
  const std::string whole =
      "name: n\nseed: {devices: [{deviceId: d1}]}\ndevices: [{id: d1, template: {telemetry: {body: {n: {$counter: "
      "{}}}}}}]\n"
      "steps:\n- send: {device: d1, body: {a: 1}}\n- expect: {messages: {device: d1, body: {$near: {value: 1, within: "
      "2}}}}\n"
      "- method: {device: d1, name: m, result: {$regex: x}}\n";
  REQUIRE(scenario::parse(whole, "whole", no_file).has_value());
  for (int i = 0; i < 300; ++i) {
    std::string damaged = whole;
    for (int hits = 0; hits < 3; ++hits) {
      damaged[chance() % damaged.size()] = "{}[]:,-$ \n'\"0az"[chance() % 16];
    }
    const auto parsed = scenario::parse(damaged, "damaged", no_file);
    if (!parsed) CHECK_FALSE(parsed.error().what.empty());
  }
}

TEST_CASE("a scenario's steps are read with their times, places and matchers") {
  const auto parsed = scenario::parse(
      "devices: [{id: d1, connect: false, reconnect: 500ms}]\n"
      "steps:\n"
      "- name: go\n"
      "  at: 2m\n"
      "  connect: d1\n"
      "- after: 1.5\n"
      "  expect: {messages: {device: d1, system: {message-id: a}, since: go, count: 2}, within: 1h}\n",
      "s.yaml", no_file);
  REQUIRE(parsed.has_value());
  CHECK(parsed->name == "s.yaml");
  CHECK(parsed->devices[0].reconnect == scenario::Seconds(0.5));
  CHECK(parsed->steps[0].at == scenario::Seconds(120));
  CHECK(parsed->steps[0].arguments.dump() == R"({"device":"d1"})");
  const scenario::Step& expect = parsed->steps[1];
  CHECK(expect.after == scenario::Seconds(1.5));
  CHECK(expect.since == "go");
  CHECK(expect.mark.line == 7);
  CHECK(expect.expectation.exactly == 2);
  CHECK(expect.expectation.matcher.dump() ==
        R"({"device":"d1","systemProperties":{"message-id":"a"},"source":"Telemetry"})");
}
