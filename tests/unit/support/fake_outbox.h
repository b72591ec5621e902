#pragma once
/// What a session wrote, as one string, and whether it closed.
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "emulator/heads/session.h"

namespace iothub::test {

class FakeOutbox final : public heads::Outbox {
 public:
  std::string& pending() override { return closed ? dropped_ : bytes; }
  void close(std::string_view reason) override {
    if (std::exchange(closed, true)) return;
    close_reason = reason;
  }
  void abort(std::string_view reason) override {
    aborted = true;
    close(reason);
  }
  void pause_reading(bool pause) override { reading_paused = pause; }
  void become_websocket(heads::WebSocketProtocol inner, std::string rest) override {
    websocket = inner;
    websocket_rest = std::move(rest);
  }

  /// What was written since the last call.
  std::string take() { return std::exchange(bytes, {}); }

  std::string bytes;
  bool closed = false;
  bool aborted = false;
  std::string close_reason;
  bool reading_paused = false;
  std::optional<heads::WebSocketProtocol> websocket;
  std::string websocket_rest;

 private:
  std::string dropped_;
};

}  // namespace iothub::test
