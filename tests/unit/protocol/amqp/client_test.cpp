#include "protocol/amqp/client.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/amqp/engine.h"

using namespace iothub;

namespace {

constexpr int kCredit = 1000;

/// Sends numbered messages on the one link that its peer opens, as many as there is credit for.
class Source final : public amqp::EngineHandler {
 public:
  explicit Source(int messages) : messages_(messages) {}

  amqp::Engine engine{*this};

  static std::string message(int number) { return std::to_string(number) + std::string(1000, 'x'); }

 private:
  void opened(std::string_view) override {}
  bool authenticate_plain(std::string_view, std::string_view) override { return true; }
  bool authenticate_external() override { return true; }
  void attached(const amqp::Attach& attach) override { engine.accept(attach); }
  std::optional<amqp::Condition> message(amqp::LinkId, std::string_view) override { return std::nullopt; }
  void credit(amqp::LinkId link) override {
    while (engine.credit(link) > 0 && sent_ < messages_) engine.send(link, message(sent_++));
  }
  std::optional<amqp::Condition> settled(amqp::LinkId, std::string_view, amqp::Outcome) override {
    return std::nullopt;
  }
  void detached(amqp::LinkId) override {}

  const int messages_;
  int sent_ = 0;
};

class Sink final : public amqp::ClientHandler {
 public:
  amqp::Client client{*this, "localhost", std::nullopt};
  std::vector<std::string> messages;

 private:
  void opened(amqp::LinkId) override {}
  void message(amqp::LinkId, std::string_view bytes) override { messages.emplace_back(bytes); }
  void ended(amqp::LinkId, const std::string&) override {}
};

/// Hands over what each has to say, to the client in pieces, until neither has more.
void converse(Source& source, Sink& sink, std::size_t piece) {
  for (;;) {
    std::string from_client, from_engine;
    sink.client.write(from_client);
    source.engine.receive(std::as_bytes(std::span(from_client)));
    source.engine.write(from_engine);
    if (from_client.empty() && from_engine.empty()) return;
    for (std::string_view rest = from_engine; !rest.empty(); rest.remove_prefix(std::min(piece, rest.size()))) {
      sink.client.receive(std::as_bytes(std::span(rest.substr(0, piece))));
    }
  }
}

}  // namespace

TEST_CASE("the client takes every message, however the bytes are cut") {
  constexpr int kMessages = 20000;
  for (const std::size_t piece : {1ul, 7ul, 1000ul, 16384ul, 65536ul, 1ul << 20}) {
    CAPTURE(piece);
    Source source(kMessages);
    Sink sink;
    for (int link = 0; link < 4; ++link) sink.client.open_receiver("events", {}, kCredit);
    converse(source, sink, piece);
    REQUIRE(sink.messages.size() == kMessages);
    for (int number = 0; number < kMessages; ++number) {
      REQUIRE(sink.messages[static_cast<std::size_t>(number)] == Source::message(number));
    }
  }
}
