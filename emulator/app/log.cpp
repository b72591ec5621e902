#include "emulator/app/log.h"

#include <spdlog/fmt/chrono.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <ctime>
#include <nlohmann/json.hpp>
#include <string_view>

namespace iothub::app {
namespace {

struct Moment {
  std::tm utc{};
  std::tm local{};
  int milliseconds = 0;
};

Moment moment_of(spdlog::log_clock::time_point time) {
  using std::chrono::duration_cast;
  const auto since_epoch = duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
  const auto seconds = static_cast<std::time_t>(since_epoch / 1000);
  Moment moment;
  moment.milliseconds = static_cast<int>(since_epoch % 1000);
  ::gmtime_r(&seconds, &moment.utc);
  ::localtime_r(&seconds, &moment.local);
  return moment;
}

std::string_view view(const spdlog::string_view_t& text) {
  return {text.data(), text.size()};
}

class TextFormatter final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& event, spdlog::memory_buf_t& line) override {
    const Moment moment = moment_of(event.time);
    fmt::format_to(std::back_inserter(line), "{:%Y-%m-%d %H:%M:%S}.{:03} {} ", moment.local, moment.milliseconds,
                   view(spdlog::level::to_string_view(event.level)));
    for (const char c : view(event.payload)) {
      const auto code = static_cast<unsigned char>(c);
      if (code < 0x20 || code == 0x7f) {
        fmt::format_to(std::back_inserter(line), "\\x{:02x}", code);
      } else {
        line.push_back(c);
      }
    }
    line.push_back('\n');
  }

  std::unique_ptr<formatter> clone() const override { return std::make_unique<TextFormatter>(); }
};

class JsonFormatter final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& event, spdlog::memory_buf_t& line) override {
    const Moment moment = moment_of(event.time);
    nlohmann::ordered_json json;
    json["time"] = fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", moment.utc, moment.milliseconds);
    json["level"] = view(spdlog::level::to_string_view(event.level));
    json["message"] = view(event.payload);
    // A client's bytes need not be UTF-8.
    const std::string text = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    line.append(text.data(), text.data() + text.size());
    line.push_back('\n');
  }

  std::unique_ptr<formatter> clone() const override { return std::make_unique<JsonFormatter>(); }
};

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::trace:
      return spdlog::level::trace;
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warning:
      return spdlog::level::warn;
    case LogLevel::error:
      return spdlog::level::err;
    case LogLevel::off:
      break;
  }
  return spdlog::level::off;
}

}  // namespace

std::unique_ptr<spdlog::formatter> make_log_formatter(LogFormat format) {
  if (format == LogFormat::json) return std::make_unique<JsonFormatter>();
  return std::make_unique<TextFormatter>();
}

void start_log(LogLevel level, LogFormat format) {
  auto logger = std::make_shared<spdlog::logger>("iothub", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_formatter(make_log_formatter(format));
  logger->set_level(spdlog_level(level));
  spdlog::set_default_logger(std::move(logger));
}

}  // namespace iothub::app
