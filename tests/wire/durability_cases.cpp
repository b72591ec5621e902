// What was acknowledged is there after kill -9 at any moment; what cannot be opened is refused, and left alone.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "tests/wire/support/event_tables.h"
#include "tests/wire/support/mqtt_link.h"
#include "tests/wire/support/patience.h"
#include "tests/wire/support/service_client.h"

namespace iothub::test {
namespace {

EmulatorProcess::Options kept_in(const TemporaryFolder& folder) {
  return {.data = folder / "data", .ca_dir = folder / "ca", .flags = {}};
}

std::size_t count(const std::string& text, std::string_view what) {
  std::size_t found = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + what.size())) ++found;
  return found;
}

/// One stream of pipelined writes, and how many of them were acknowledged so far. Acknowledgements come in order, so a
/// count says which.
class Stream {
 public:
  Stream(WireClient& client, std::string mark) : client_(client), mark_(std::move(mark)) {}
  /// Waits a moment where nothing is there yet.
  void read() {
    client_.is_silent(std::chrono::milliseconds{2});
    answers_ += client_.read_available();
  }
  /// What the emulator sent before it died is still to be read.
  void read_rest() { answers_ += client_.read_until_closed(); }
  /// Counted by whole answers.
  std::size_t acknowledged() const { return count(answers_, mark_); }

 private:
  WireClient& client_;
  std::string mark_;
  std::string answers_;
};

struct Acknowledged {
  std::size_t telemetry = 0;
  std::size_t reported = 0;
  std::size_t devices = 0;
};

constexpr int kTelemetry = 4000;
constexpr int kReported = 2000;
constexpr int kDevices = 2000;

std::string two_bytes(int value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value & 0xFF)};
}

/// Floods the emulator with three streams of writes and kills it once each has more than `enough` acknowledgements.
Acknowledged write_until_killed(EmulatorProcess& emulator, const std::string& round, std::size_t enough) {
  ServiceClient service(emulator);
  const Login teller = service.create("telemetry-" + round);
  const Login reporter = service.create("reported-" + round);
  MqttLink telemetry(emulator, teller);
  MqttLink reported(emulator, reporter);
  telemetry.connect();
  reported.connect();
  reported.exchange(R"(82 [0001 "$iothub/twin/res/#" 00])", "90 03 0001 00");
  WireClient registry(emulator.port("https"), Carrier::tls12, emulator.ca_file());

  std::string telemetry_packets;
  for (int i = 1; i <= kTelemetry; ++i) {
    telemetry.names()["packet_id"] = two_bytes(i);
    telemetry.names()["n"] = std::to_string(i);
    telemetry_packets += telemetry.bytes(R"(32 ["devices/{d}/messages/events/" '{packet_id}{n}'])");
  }
  std::string reported_packets;
  for (int i = 1; i <= kReported; ++i) {
    reported.names()["patch"] = R"({"n":)" + std::to_string(i) + "}";
    reported_packets += reported.bytes(R"(30 ["$iothub/twin/PATCH/properties/reported/?$rid=1" '{patch}'])");
  }
  std::string requests;
  for (int i = 1; i <= kDevices; ++i) {
    const std::string device = "made-" + round + "-" + std::to_string(i);
    const std::string body = R"({"deviceId":")" + device + "\"}";
    requests += "PUT /devices/" + device +
                "?api-version=2021-04-12 HTTP/1.1\r\nHost: localhost\r\nAuthorization: " + service.authorization() +
                "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  }

  Stream pubacks(telemetry.client(), wire_bytes("40 02"));
  Stream versions(reported.client(), "$iothub/twin/res/204/");
  Stream answers(registry, "HTTP/1.1 200 OK");
  // Piece by piece, so that none of the three is done before the others have begun.
  constexpr std::size_t kPiece = 8 * 1024;
  const auto piece = [](const std::string& text, std::size_t number) {
    const std::size_t begin = std::min(text.size(), number * kPiece);
    return std::string_view(text).substr(begin, kPiece);
  };
  const auto all_are_under_way = [&] {
    return std::min({pubacks.acknowledged(), versions.acknowledged(), answers.acknowledged()}) > enough;
  };
  const Deadline deadline;
  for (std::size_t number = 0; !all_are_under_way(); ++number) {
    REQUIRE_MESSAGE(!deadline.passed(), "the writes are not acknowledged");
    telemetry.client().send(piece(telemetry_packets, number));
    reported.client().send(piece(reported_packets, number));
    registry.send(piece(requests, number));
    pubacks.read();
    versions.read();
    answers.read();
  }
  emulator.kill();
  pubacks.read_rest();
  versions.read_rest();
  answers.read_rest();
  return {pubacks.acknowledged(), versions.acknowledged(), answers.acknowledged()};
}

void check_all_is_there(EmulatorProcess& emulator, const std::filesystem::path& database, const std::string& round,
                        const Acknowledged& acknowledged) {
  ServiceClient service(emulator);

  const auto events = stored_events(database, "telemetry-" + round);
  CHECK(events.size() >= acknowledged.telemetry);
  std::size_t in_place = 0;
  while (in_place < events.size() && events[in_place].body == std::to_string(in_place + 1)) ++in_place;
  CHECK(in_place == events.size());

  const auto reported = service.twin({"reported-" + round, {}, {}}).at("properties").at("reported");
  const auto last = reported.value("n", std::size_t{0});
  CHECK(last >= acknowledged.reported);
  CHECK(reported.at("$version") == last + 1);

  std::size_t made = 0;
  while (service.request("GET", "/devices/made-" + round + "-" + std::to_string(made + 1)).status == 200) ++made;
  CHECK(made >= acknowledged.devices);
  // Neither is there a later one: writes are kept in the order they came.
  for (std::size_t i = made + 2; i < made + 12; ++i) {
    CHECK(service.request("GET", "/devices/made-" + round + "-" + std::to_string(i)).status == 404);
  }
}

/// Every partition counts 0, 1, 2, ...
void check_sequence_numbers(const std::filesystem::path& database) {
  std::map<int, std::int64_t> next;
  std::size_t wrong = 0;
  for (const StoredEvent& event : stored_events(database))
    if (event.sequence_number != next[event.partition]++) ++wrong;
  CHECK(wrong == 0);
}

std::set<std::string> files_below(const std::filesystem::path& folder) {
  std::set<std::string> files;
  if (!std::filesystem::exists(folder)) return files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) files.insert(entry.path().filename().string());
  }
  return files;
}

}  // namespace

TEST_CASE("kill -9 in the middle of writes loses nothing that was acknowledged, round after round") {
  constexpr std::size_t kEnough[] = {0, 5, 60, 200};
  const TemporaryFolder folder;
  const std::filesystem::path database = folder / "data" / "hub.db";
  std::map<std::string, Acknowledged> rounds;
  for (const std::size_t enough : kEnough) {
    const std::string round = std::to_string(rounds.size());
    CAPTURE(round);
    EmulatorProcess emulator(kept_in(folder));
    emulator.await_ready();
    for (const auto& [earlier, acknowledged] : rounds) {
      CAPTURE(earlier);
      check_all_is_there(emulator, database, earlier, acknowledged);
    }
    rounds[round] = write_until_killed(emulator, round, enough);
    CHECK(rounds[round].telemetry > enough);
  }
  EmulatorProcess emulator(kept_in(folder));
  emulator.await_ready();
  for (const auto& [round, acknowledged] : rounds) {
    CAPTURE(round);
    check_all_is_there(emulator, database, round, acknowledged);
  }
  check_sequence_numbers(database);
  CHECK(emulator.stop() == 0);
}

TEST_CASE("numbering goes on where it was after a restart") {
  const TemporaryFolder folder;
  Login device;
  for (int round = 1; round <= 3; ++round) {
    EmulatorProcess emulator(kept_in(folder));
    emulator.await_ready();
    ServiceClient service(emulator);
    if (round == 1) device = service.create("again-d");
    MqttLink link(emulator, device);
    link.connect();
    link.exchange(R"(32 ["devices/{d}/messages/events/" 0001 'x'])", "40 02 0001");
    service.patch_desired(device, R"({"round":)" + std::to_string(round) + "}");
    CHECK(service.twin(device).at("properties").at("desired").at("$version") == round + 1);
    // The polite way out and the other one.
    round == 2 ? emulator.kill() : static_cast<void>(emulator.stop());
  }
  const std::filesystem::path database = folder / "data" / "hub.db";
  CHECK(stored_events(database).size() == 6);  // three messages, and the twin change of each patch
  check_sequence_numbers(database);
}

TEST_CASE("the certificate authority stays the same over restarts, so trust lasts") {
  const TemporaryFolder folder;
  EmulatorProcess first(kept_in(folder));
  first.await_ready();
  CHECK(first.stop() == 0);
  EmulatorProcess second(kept_in(folder));
  second.await_ready();
  // Verified against the first one's file.
  WireClient client(second.port("https"), Carrier::tls13, first.ca_file());
  client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK(client.read_until("\r\n").starts_with("HTTP/1.1 404"));
  CHECK(second.stop() == 0);
}

TEST_CASE("a second emulator on the same data is refused, and the first serves on") {
  const TemporaryFolder folder;
  EmulatorProcess first(kept_in(folder));
  first.await_ready();
  EmulatorProcess second(kept_in(folder));
  CHECK(second.await_exit() == 1);
  CHECK(second.log().find("is in use by another emulator (process " + std::to_string(first.process_id()) + ")") !=
        std::string::npos);
  ServiceClient(first).create("still-d");
  CHECK(first.stop() == 0);
  EmulatorProcess third(kept_in(folder));
  third.await_ready();
  CHECK(ServiceClient(third).request("GET", "/devices/still-d").status == 200);
  CHECK(third.stop() == 0);
}

TEST_CASE("a database of a newer schema is refused and left as it is") {
  const TemporaryFolder folder;
  const std::filesystem::path database = folder / "data" / "hub.db";
  {
    EmulatorProcess emulator(kept_in(folder));
    emulator.await_ready();
    ServiceClient(emulator).create("newer-d");
    CHECK(emulator.stop() == 0);
  }
  const int ours = schema_version(database);
  set_schema_version(database, 999);
  {
    EmulatorProcess emulator(kept_in(folder));
    CHECK(emulator.await_exit() == 1);
    CHECK(emulator.log().find("has schema version 999") != std::string::npos);
    CHECK(emulator.log().find("up to " + std::to_string(ours)) != std::string::npos);
  }
  set_schema_version(database, ours);
  EmulatorProcess emulator(kept_in(folder));
  emulator.await_ready();
  CHECK(ServiceClient(emulator).request("GET", "/devices/newer-d").status == 200);
  CHECK(emulator.stop() == 0);
}

TEST_CASE("--in-memory serves alike and leaves no file") {
  const TemporaryFolder folder;
  EmulatorProcess emulator({.data = {}, .ca_dir = folder / "ca", .flags = {}});
  emulator.await_ready();
  ServiceClient service(emulator);
  MqttLink link(emulator, service.create("memory-d"));
  link.connect(kConnect, kAccepted);
  link.exchange(R"(32 ["devices/{d}/messages/events/" 0001 'x'])", "40 02 0001");
  service.patch_desired({"memory-d", {}, {}}, R"({"n":1})");
  // By it the other commands find the hub.
  CHECK(files_below(emulator.home()) == std::set<std::string>{"running.json"});
  CHECK(emulator.stop() == 0);
  CHECK(files_below(emulator.home()).empty());
}

}  // namespace iothub::test
