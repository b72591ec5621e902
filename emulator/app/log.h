#pragma once
/// The log: spdlog's default logger, on stderr, one line an event.
#include <spdlog/formatter.h>

#include <memory>
#include <string>

namespace iothub::app {

enum class LogFormat {
  text,  ///< `2026-01-31 12:00:00.000 info the message`, local time; control characters of the message are escaped
  json,  ///< `{"time":"2026-01-31T12:00:00.000Z","level":"info","message":"..."}`
};

enum class LogLevel { trace, debug, info, warning, error, off };

/// One line for each event, whatever bytes the message holds: what clients send cannot forge a line.
std::unique_ptr<spdlog::formatter> make_log_formatter(LogFormat format);

/// Replaces the default logger. stdout is never written to.
void start_log(LogLevel level, LogFormat format);

}  // namespace iothub::app
