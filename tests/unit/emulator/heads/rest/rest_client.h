#pragma once
/// A service client without a socket: a whole hub, one REST session, and what it answered.
#include <doctest/doctest.h>

#include <charconv>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "emulator/heads/rest/rest_session.h"
#include "emulator/hub/json.h"
#include "tests/unit/support/fake_outbox.h"
#include "tests/unit/support/sas.h"
#include "tests/unit/support/test_hub.h"

namespace iothub::test {

struct RestAnswer {
  int status = 0;
  std::string reason;
  http::Headers headers;
  std::string body;

  std::string header(std::string_view name) const { return std::string(http::find(headers, name).value_or("(none)")); }
  hub::Json json() const { return hub::Json::parse(body); }
  std::string message() const { return json().at("Message").get<std::string>(); }
};

/// All the answers in `text`, which must end with the last of them.
inline std::vector<RestAnswer> answers_in(std::string_view text) {
  std::vector<RestAnswer> answers;
  while (!text.empty()) {
    RestAnswer& answer = answers.emplace_back();
    const auto line = [&] {
      const std::size_t end = text.find("\r\n");
      REQUIRE(end != std::string_view::npos);
      const std::string_view taken = text.substr(0, end);
      text.remove_prefix(end + 2);
      return taken;
    };
    const std::string_view first = line();
    REQUIRE(first.starts_with("HTTP/1.1 "));
    std::from_chars(first.data() + 9, first.data() + 12, answer.status);
    answer.reason = first.substr(13);
    for (std::string_view field = line(); !field.empty(); field = line()) {
      const std::size_t colon = field.find(": ");
      REQUIRE(colon != std::string_view::npos);
      answer.headers.push_back({std::string(field.substr(0, colon)), std::string(field.substr(colon + 2))});
    }
    if (answer.status == 100) continue;
    const std::size_t length = std::stoul(answer.header("Content-Length"));
    REQUIRE(text.size() >= length);
    answer.body = text.substr(0, length);
    text.remove_prefix(length);
  }
  return answers;
}

struct RestClient {
  RestClient() : RestClient(TestHub::options({"localhost"})) {}
  explicit RestClient(hub::HubOptions options) : hub(std::move(options)) { hubs.add(hub.hub); }

  /// What an SDK puts into Authorization with this policy.
  std::string token(std::string_view policy = "iothubowner") {
    return sas_token("localhost", hub.hub.auth().policy(policy)->primary_key, hub.clock.now().unix_seconds() + 3600,
                     policy);
  }

  /// A request as the SDKs send it.
  std::string bytes(std::string_view method, std::string_view target, std::string_view body = {},
                    const http::Headers& headers = {}) {
    std::string text = std::string(method) + " " + std::string(target) + " HTTP/1.1\r\n";
    http::Headers all{{"Host", "localhost"}, {"Authorization", token()}};
    for (const http::Header& header : headers) {
      std::erase_if(all, [&](const http::Header& standard) { return standard.name == header.name; });
      if (!header.value.empty()) all.push_back(header);
    }
    if (!body.empty()) all.push_back({"Content-Length", std::to_string(body.size())});
    for (const http::Header& header : all) text += header.name + ": " + header.value + "\r\n";
    return text + "\r\n" + std::string(body);
  }

  void receive(std::string_view text) { session.receive(std::as_bytes(std::span(text))); }
  std::vector<RestAnswer> answers() { return answers_in(outbox.take()); }
  RestAnswer answer() {
    std::vector<RestAnswer> all = answers();
    REQUIRE(all.size() == 1);
    return std::move(all.front());
  }

  /// One request and its answer. The api-version is added to `path` that names none; an empty header value takes the
  /// header away.
  RestAnswer request(std::string_view method, std::string_view path, std::string_view body = {},
                     const http::Headers& headers = {}) {
    std::string target(path);
    if (path.find("api-version=") == std::string_view::npos) {
      target += path.find('?') == std::string_view::npos ? '?' : '&';
      target += "api-version=2021-04-12";
    }
    receive(bytes(method, target, body, headers));
    return answer();
  }
  RestAnswer raw(std::string_view text) {
    receive(text);
    return answer();
  }

  TestHub hub;
  hub::HubDirectory hubs;
  FakeScheduler scheduler;
  heads::SessionEnvironment environment{hubs, scheduler, hub.clock};
  FakeOutbox outbox;
  heads::rest::RestSession session{environment, heads::Peer{.connection_id = "c1", .remote_address = "127.0.0.1:50000"},
                                   outbox};
};

}  // namespace iothub::test
