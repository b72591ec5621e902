#include "emulator/app/log.h"

#include <doctest/doctest.h>
#include <spdlog/details/log_msg.h>

#include <nlohmann/json.hpp>
#include <regex>

using namespace iothub::app;

namespace {

std::string line_of(LogFormat format, const std::string& message) {
  const spdlog::log_clock::time_point time(std::chrono::milliseconds(1'700'000'000'007));
  const spdlog::details::log_msg event(time, {}, "iothub", spdlog::level::warn, message);
  spdlog::memory_buf_t line;
  make_log_formatter(format)->format(event, line);
  return {line.data(), line.size()};
}

}  // namespace

TEST_CASE("a text log line is time, level and message") {
  const std::regex form(R"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.007 warning all is said\n)");
  CHECK(std::regex_match(line_of(LogFormat::text, "all is said"), form));
}

TEST_CASE("a message cannot forge a line of the text log") {
  const std::string line = line_of(LogFormat::text, "a\nb\x1b[31mc\x7f");
  CHECK(line.ends_with(" a\\x0ab\\x1b[31mc\\x7f\n"));
  CHECK(line.find('\n') == line.size() - 1);
}

TEST_CASE("a json log line is one object, whatever the message holds") {
  const std::string line = line_of(LogFormat::json, "a \"b\"\n\\");
  CHECK(line == "{\"time\":\"2023-11-14T22:13:20.007Z\",\"level\":\"warning\",\"message\":\"a \\\"b\\\"\\n\\\\\"}\n");
}

TEST_CASE("bytes that are no UTF-8 are replaced in the json log") {
  const auto json = nlohmann::json::parse(line_of(LogFormat::json, "a\xff"));
  CHECK(json.at("message") == "a\ufffd");
}
