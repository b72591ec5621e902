// AMQP connections, sessions and links byte by byte: where Microsoft's clients need more than AMQP 1.0 asks for
// (amqp.md 1.3, whose letters the cases bear). Messages are in amqp_message_cases.cpp.
#include <doctest/doctest.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>

#include "tests/wire/support/amqp_link.h"
#include "tests/wire/support/event_tables.h"
#include "tests/wire/support/mqtt_link.h"
#include "tests/wire/support/shared_emulator.h"

namespace iothub::test {
namespace {

using Clock = std::chrono::steady_clock;
using Over = AmqpLink::Over;

/// A device's telemetry link, handle 0.
constexpr std::string_view kAttachTelemetry =
    R"([0 attach ("d2c" 43 false - - source ("me") target ("/devices/{d}/messages/events") - - 43)])";
/// Messages up to 256 KB, and credit for 100.
constexpr std::string_view kAttachedTelemetry =
    R"([0 attach ("d2c" 43 true 50 02 50 00 source ("me" 43 - 43 false - - - - - -)
          target ("/devices/{d}/messages/events" 43 - 43 false - -) - - 43 80 0000000000040000 - - -)]
       [0 flow (43 52 40 43 70 7fffffff 43 43 52 64 - false - -)])";
constexpr std::string_view kSendTelemetry = "[0 transfer (43 43 #00 43 false) data `hot`]";
constexpr std::string_view kAcceptedTelemetry = "[0 disposition (true 43 - true accepted 45 -)]";

/// The memory of the shared emulator that is in use.
std::size_t resident_bytes() {
  std::ifstream file("/proc/" + std::to_string(shared_emulator().process_id()) + "/statm");
  std::size_t all = 0;
  std::size_t resident = 0;
  file >> all >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

/// A transfer without its payload, as a frame, and the payload.
std::pair<std::string, std::string> parted(std::string_view transfer) {
  constexpr std::size_t kListAt = 11;  // behind the frame's header and `00 53 14`
  const std::size_t end = kListAt + 2 + static_cast<unsigned char>(transfer.at(kListAt + 1));
  std::string head(transfer.substr(0, end));
  head.replace(0, 4, {'\0', '\0', '\0', static_cast<char>(end)});
  return {head, std::string(transfer.substr(end))};
}

}  // namespace

// ---- A: azure-eventhub's pyamqp reads fields by their place, and begin.handle-max as a number -----------------------

TEST_CASE("A1 every performative comes with all its fields, from open to close") {
  ServiceClient service(shared_emulator());
  AmqpLink link(shared_emulator(), amqp_names(service, service.create("amqp-a1")));
  link.exchange("amqp-header", "amqp-header");
  link.exchange(kOpen, R"([0 open ("iothub-emulator" - 70 00010000 60 1fff 70 0003a980 - - - - -)])");
  link.exchange(kBegin, "[0 begin (60 0000 43 52 40 70 7fffffff 70 00001fff - - -)]");
  link.put_token(link.names()["sas"]);  // a transfer with its eleven
  link.exchange(kAttachTelemetry, kAttachedTelemetry);
  link.exchange(kSendTelemetry, "[0 disposition (true 43 - true accepted 45 -)]");
  link.exchange("[0 detach (43 true)]", "[0 detach (43 true -)]");
  link.exchange("[0 end ()]", "[0 end (-)]");
  link.exchange("[0 close ()]", "[0 close (-)]");
  link.expect_closed();
}

TEST_CASE("A2 frames that their full fields would take past the peer's max-frame-size stay as short as they may") {
  // uamqp ends a connection whose frames are longer than it said. pyamqp says 1 MiB, so its frames are never cut short.
  ServiceClient service(shared_emulator());
  const Login device = service.create("amqp-a2");
  service.patch_desired(device, R"({"text":")" + std::string(1000, 'x') + "\"}");
  AmqpLink link(shared_emulator(), amqp_names(service, device));
  link.exchange("amqp-header", "amqp-header");
  link.exchange(R"([0 open ("client" "localhost" 70 00000200)])", kOpened);
  link.exchange(kBegin, kBegun);
  link.put_token(link.names()["sas"]);
  link.exchange(R"([0 attach ("get" 43 false - - source ("me") target ("/devices/{d}/twin") - - 43)])",
                "[0 attach ?fields][0 flow ?fields]");
  link.exchange(R"([0 attach ("got" 52 01 true - - source ("/devices/{d}/twin") target ("me"))]
                   [0 flow (43 52 40 43 52 40 52 01 43 52 05)])",
                "[0 attach ?fields]");
  link.send(
      R"([0 transfer (43 43 #00 43 true) annotations map('operation' "GET") properties (- - - - - "1") data ` `])");
  const std::string first = link.read_frame();
  const std::string second = link.read_frame();
  const std::string last = link.read_frame();
  CHECK(first.size() == 512);
  CHECK(second.size() == 512);
  CHECK(amqp_shown(parted(first).first) == "[0 transfer (52 01 43 #0200000000000000 43 true true)]");
  CHECK(amqp_shown(parted(second).first) == "[0 transfer (52 01 43 #0200000000000000 43 true true)]");
  CHECK(amqp_shown(parted(last).first) == "[0 transfer (52 01 43 #0200000000000000 43 true - - - - - -)]");
  link.names()["text"] = std::string(1000, 'x');
  CHECK(parted(first).second + parted(second).second + parted(last).second ==
        amqp_bytes(R"(annotations map('status' 71 000000c8) properties (- - - - - "1")
                      data `{"desired":{"text":"{text}","$version":2},"reported":{"$version":1}}`)",
                   link.names()));
}

// ---- C: the order of the lines, the mechanisms, and clients without SASL --------------------------------------------

TEST_CASE("C1 the hub waits for the client's header; then come its mechanisms, the outcome and AMQP's header") {
  // rhea takes the first mechanism of the offer that it knows (sasl.js); no client waits for the hub to speak.
  AmqpLink link(shared_emulator(), {});
  link.expect_silence();
  link.exchange("sasl-header", "sasl-header [sasl mechanisms (array(a3 'MSSBCBS' 'PLAIN' 'ANONYMOUS' 'EXTERNAL'))]");
  link.exchange("[sasl init ('MSSBCBS' ``)]", "[sasl outcome (50 00)]");
  link.exchange("amqp-header", "amqp-header");
  link.exchange(kOpen, kOpened);
}

TEST_CASE("C2 the outcome of every mechanism") {
  struct Row {
    std::string_view client;
    std::string_view init;
    std::string_view outcome;  ///< 0 ok, 1 refused
  };
  // clang-format off
  constexpr auto kRows = std::to_array<Row>({
      {"uamqp, and the C device SDK with a token",  "'MSSBCBS' ``",              "50 00"},
      {"pyamqp, and the Java device SDK",           "'ANONYMOUS'",               "50 00"},
      {"rhea, which says a name",                   "'ANONYMOUS' {anonymous}",   "50 00"},
      {"the C service client and the az command",   "'PLAIN' {policy}",          "50 00"},
      {"the documentation's sample of a device",    "'PLAIN' {device}",          "50 00"},
      {"PLAIN with another device's token",         "'PLAIN' {other}",           "50 01"},
      {"PLAIN with a token that is damaged",        "'PLAIN' {damaged}",         "50 01"},
      {"PLAIN that is not in three parts",          "'PLAIN' `secret`",          "50 01"},
      {"EXTERNAL without a certificate",            "'EXTERNAL' ``",             "50 01"},
      {"a mechanism that was not offered",          "'GSSAPI' ``",               "50 01"},
  });
  // clang-format on
  ServiceClient service(shared_emulator());
  Names names = amqp_names(service, service.create("amqp-c2"));
  const auto plain = [](const std::string& name, const std::string& token) {
    return amqp_binary(std::string(1, '\0') + name + std::string(1, '\0') + token);
  };
  names["anonymous"] = amqp_binary(std::string_view("\0anonymous", 10));
  names["policy"] = plain("iothubowner@sas.root.localhost", names["owner"]);
  names["device"] = plain("amqp-c2@sas.localhost", names["sas"]);
  names["other"] = plain("other@sas.localhost", names["sas"]);
  names["damaged"] = plain("amqp-c2@sas.localhost", names["sas"] + "0");
  for (const Row& row : kRows) {
    CAPTURE(row.client);
    AmqpLink link(shared_emulator(), names, Over::plain);
    link.exchange("sasl-header", "sasl-header [sasl mechanisms ?offered]");
    link.exchange("[sasl init (" + std::string(row.init) + ")]", "[sasl outcome (" + std::string(row.outcome) + ")]");
    if (row.outcome == "50 00") {
      link.exchange("amqp-header", "amqp-header");
      link.exchange(kOpen, kOpened);
    } else {
      link.expect_closed();
    }
  }
}

TEST_CASE("C3 a client without a SASL layer is served over every carrier") {
  // Node's and .NET's SDKs, and all with X.509, begin with AMQP's own header; uamqp's WebSocket path ends in a slash.
  ServiceClient service(shared_emulator());
  const Names names = amqp_names(service, service.create("amqp-c3"));
  const auto serves = [](AmqpLink link) {
    link.open();
    link.put_token(link.names()["sas"]);
    link.exchange(kAttachTelemetry, kAttachedTelemetry);
    link.exchange(kSendTelemetry, kAcceptedTelemetry);
  };
  serves(AmqpLink(shared_emulator(), names, Over::tls));
  serves(AmqpLink(shared_emulator(), names, Over::plain));
  serves(AmqpLink(shared_emulator(), names, Over::websocket, "/$iothub/websocket"));
  serves(AmqpLink(shared_emulator(), names, Over::websocket, "/$iothub/websocket?iothub-no-client-cert=true"));
  serves(AmqpLink(shared_emulator(), names, Over::websocket, "/$servicebus/websocket/"));
}

TEST_CASE("C4 a header of another version is answered with AMQP 1.0's, and the connection ends") {
  // AMQP 1.0, 2.2: so a client learns which version there is.
  AmqpLink link(shared_emulator(), {});
  link.send_bytes(std::string_view("AMQP\0\1\1\0", 8));
  link.expect("amqp-header");
  (void)link.client().read_until_closed();
  CHECK(link.client().closed());
}

// ---- E: frames, and the pieces that they come in --------------------------------------------------------------------

TEST_CASE("E1 frames cut at every byte are understood") {
  // TLS records and WebSocket messages of all clients end where they like.
  ServiceClient service(shared_emulator());
  AmqpLink link(shared_emulator(), amqp_names(service, service.create("amqp-e1")), Over::plain);
  // Its round trip shows that the emulator has read what was sent on the other link before.
  MqttLink barrier(shared_emulator(), service.create("amqp-e1-barrier"));
  barrier.connect();
  const auto exchange_cut = [&](std::string_view out, std::string_view in) {
    const std::string whole = amqp_bytes(out, link.names());
    for (std::size_t i = 0; i + 1 < whole.size(); ++i) {
      link.send_bytes(whole.substr(i, 1));
      barrier.expect_alive();
    }
    CHECK(link.client().read_available().empty());
    link.send_bytes(whole.substr(whole.size() - 1));
    link.expect(in);
  };
  exchange_cut("amqp-header", "amqp-header");
  exchange_cut(kOpen, kOpened);
  exchange_cut(kBegin, kBegun);
  link.put_token(link.names()["sas"]);
  exchange_cut(kAttachTelemetry, kAttachedTelemetry);
  exchange_cut(kSendTelemetry, kAcceptedTelemetry);
}

TEST_CASE("E2 frames that come in one write are all served, in order") {
  // rhea and proton-j send header, open, begin and attach without waiting.
  ServiceClient service(shared_emulator());
  AmqpLink link(shared_emulator(), amqp_names(service, service.create("amqp-e2")));
  link.exchange("amqp-header" + std::string(kOpen) + std::string(kBegin) +
                    R"([0 attach ("cbs" 43 false - - source ("me") target ("$cbs") - - 43)])",
                "amqp-header" + std::string(kOpened) + std::string(kBegun) +
                    R"([0 attach ("cbs" 43 true 50 02 50 00 source ("me" 43 - 43 false - - - - - -)
                          target ("$cbs" 43 - 43 false - -) - - 43 80 0000000000040000 - - -)]
                       [0 flow (43 52 40 43 70 7fffffff 43 43 52 64 - false - -)])");
}

TEST_CASE("E3 a session that begins and ends in one write is answered as that session") {
  // So end clients that give up while they open; which begin an answer is for is said by its remote-channel alone.
  AmqpLink link(shared_emulator(), {});
  link.exchange("amqp-header" + std::string(kOpen), "amqp-header" + std::string(kOpened));
  link.exchange(
      "[0 begin (- 43 52 40 52 40)] [0 end ()] [5 begin (- 43 52 40 52 40)] [5 end ()]",
      std::string(kBegun) + "[1 begin (60 0005 43 52 40 70 7fffffff 70 00001fff - - -)] [0 end (-)] [1 end (-)]");
}

// ---- G: silence -----------------------------------------------------------------------------------------------------

TEST_CASE("G1 a client that says how long it waits hears an empty frame in that time, again and again") {
  // Java says its keep-alive interval, .NET two minutes; both end a connection that is silent for longer.
  AmqpLink link(shared_emulator(), {});
  link.exchange("amqp-header", "amqp-header");
  const Clock::time_point begun = Clock::now();
  link.exchange(R"([0 open ("client" "localhost" - - 52 c8)])", kOpened);  // 200 ms
  link.expect("[0][0][0]");
  CHECK(Clock::now() - begun < std::chrono::milliseconds{3 * 200} * slowness());
}

TEST_CASE("G2 a client that does not say it hears nothing, and its own empty frames are taken") {
  // pyamqp, uamqp and rhea say none; pyamqp sends an empty frame each half of the hub's time.
  AmqpLink link(shared_emulator(), {});
  link.exchange("amqp-header", "amqp-header");
  link.exchange(kOpen, kOpened);
  link.send("[0][0][0]");
  link.expect_silence();
  link.exchange("[0]" + std::string(kBegin) + "[0]", kBegun);
}

// ---- K: a link is its session, its name and its role ----------------------------------------------------------------

TEST_CASE("K1 links of one name in two sessions are two devices' own") {
  // .NET's pooled connections have a session for each device, and the same names in each ("TelemetrySenderLink").
  ServiceClient service(shared_emulator());
  const Login first = service.create("amqp-k1-a");
  const Login second = service.create("amqp-k1-b");
  AmqpLink link(shared_emulator(), amqp_names(service, first));
  link.open();
  link.put_token(link.names()["owner"]);
  link.exchange(kAttachTelemetry, kAttachedTelemetry);
  link.names()["d"] = second.device;
  link.exchange("[2 begin (- 43 70 0000ffff 70 0000ffff)]",
                "[2 begin (60 0002 43 52 40 70 7fffffff 70 00001fff - - -)]");
  link.exchange(R"([2 attach ("d2c" 43 false - - source ("me") target ("/devices/{d}/messages/events") - - 43)])",
                R"([2 attach ("d2c" 43 true 50 02 50 00 source ("me" 43 - 43 false - - - - - -)
                       target ("/devices/{d}/messages/events" 43 - 43 false - -) - - 43 80 0000000000040000 - - -)]
                   [2 flow (43 52 40 43 70 7fffffff 43 43 52 64 - false - -)])");
  link.exchange("[2 transfer (43 43 #00 43 false) data `second`]", "[2 disposition (true 43 - true accepted 45 -)]");
  link.exchange("[0 transfer (43 43 #00 43 false) data `first`]", "[0 disposition (true 43 - true accepted 45 -)]");
  link.exchange("[2 detach (43 true)]", "[2 detach (43 true -)]");
  link.exchange("[0 transfer (43 52 01 #01 43 false) data `on`]", "[0 disposition (true 52 01 - true accepted 45 -)]");
  const auto bodies = [](const Login& device) {
    std::string all;
    for (const StoredEvent& event : stored_events(shared_database(), device.device)) all += event.body + " ";
    return all;
  };
  CHECK(bodies(first) == "first on ");
  CHECK(bodies(second) == "second ");
}

TEST_CASE("K2 a sender and a receiver of one name and session are two links") {
  // AMQP 1.0, 2.6.1: the direction is part of a link's name.
  ServiceClient service(shared_emulator());
  AmqpLink link(shared_emulator(), amqp_names(service, service.create("amqp-k2")));
  link.open();
  link.put_token(link.names()["sas"]);
  link.exchange(R"([0 attach ("twin" 43 false - - source ("me") target ("/devices/{d}/twin") - - 43)])",
                R"([0 attach ("twin" 43 true 50 02 50 00 source ("me" 43 - 43 false - - - - - -)
                       target ("/devices/{d}/twin" 43 - 43 false - -) - - 43 80 0000000000040000 - - -)]
                   [0 flow (43 52 40 43 70 7fffffff 43 43 52 64 - false - -)])");
  link.exchange(R"([0 attach ("twin" 52 01 true - - source ("/devices/{d}/twin") target ("me"))]
                   [0 flow (43 52 40 43 52 40 52 01 43 52 05)])",
                R"([0 attach ("twin" 52 01 false 50 02 50 00 source ("/devices/{d}/twin" 43 - 43 false - - - - - -)
                       target ("me" 43 - 43 false - -) - - 43 44 - - -)])");
  link.exchange(R"([0 transfer (43 43 #00 43 true) annotations map('operation' "GET") properties (- - - - - "1")
                      data ` `])",
                R"([0 transfer (52 01 43 #0200000000000000 43 true - - - - - -)
                      annotations map('status' 71 000000c8) properties (- - - - - "1")
                      data `{"desired":{"$version":1},"reported":{"$version":1}}`])");
}

// ---- L: a detach after the end of its session -----------------------------------------------------------------------

TEST_CASE("L1 a detach after its session's end closes that connection with a reason, and is no error of the hub's") {
  // pyamqp leaves so now and then.
  ServiceClient service(shared_emulator());
  AmqpLink link(shared_emulator(), amqp_names(service, service.create("amqp-l1")));
  AmqpLink bystander(shared_emulator(), {});
  bystander.open();
  link.open();
  link.put_token(link.names()["sas"]);
  link.exchange(kAttachTelemetry, kAttachedTelemetry);
  link.exchange("[0 end ()]", "[0 end (-)]");
  link.exchange("[0 detach (43 true)]", R"([0 close (error ('amqp:not-allowed' "no such channel: 0" -))])");
  link.expect_closed();
  bystander.exchange("[0 end ()]", "[0 end (-)]");
  const std::string log = shared_log();
  const std::size_t said = log.rfind("'amqp-l1' disconnected");
  REQUIRE(said != std::string::npos);
  CHECK(log.find(" error ", said) == std::string::npos);
  CHECK(log.find(" warning ", said) == std::string::npos);
}

// ---- M: a link that is refused --------------------------------------------------------------------------------------

TEST_CASE("M1 a refusal is an attach without source and target, then a detach that closes with the error") {
  // pyamqp takes an attach without them for a refusal (link.py), and Microsoft's own library writes none (azure-amqp,
  // AmqpLink). The errors are recorded ones: C# issue 1251, C issue 210.
  struct Row {
    std::string_view why;
    std::string_view asked;
    std::string_view attached;
    std::string_view error;
  };
  constexpr std::string_view kUnauthorized =
      R"('amqp:unauthorized-access' ~{"errorCode":401002,"trackingId":..,"message":"Unauthorized","timestampUtc":..}~ -)";
  // clang-format off
  constexpr auto kRows = std::to_array<Row>({
      {"a sender without a token",
       R"([0 attach ("refused" 43 false - - source ("me") target ("/devices/{d}/messages/events") - - 43)])",
       R"([0 attach ("refused" 43 true 50 02 50 00 - - - - 43 44 - - -)])",
       kUnauthorized},
      {"a receiver without a token, which has given credit already, as uamqp and .NET do",
       R"([0 attach ("refused" 43 true - - source ("/devices/{d}/messages/devicebound") target ("me"))]
          [0 flow (43 52 40 43 52 40 43 43 52 05)])",
       R"([0 attach ("refused" 43 false 50 02 50 00 - - - - 43 44 - - -)])",
       kUnauthorized},
      {"an address of no known form",
       R"([0 attach ("refused" 43 true - - source ("amqps://localhost/devices/{d}/mesages") target ("me"))])",
       R"([0 attach ("refused" 43 false 50 02 50 00 - - - - 43 44 - - -)])",
       R"('amqp:not-found' ~{"errorCode":404006,"trackingId":..,"message":"The link address 'amqps://localhost/devices/{d}/mesages' did not match any of the expected formats.","timestampUtc":..}~ d1('com.microsoft:is-filtered' true))"},
  });
  // clang-format on
  ServiceClient service(shared_emulator());
  AmqpLink link(shared_emulator(), amqp_names(service, service.create("amqp-m1")));
  link.open();
  for (const Row& row : kRows) {
    CAPTURE(row.why);
    link.exchange(row.asked,
                  std::string(row.attached) + " [0 detach (43 true error (" + std::string(row.error) + "))]");
    link.send("[0 detach (43 true)]");  // the session lives on, and the handle is free again
  }
}

TEST_CASE("M2 a device that is not registered is named in the refusal") {
  // As recorded (C# issue 1251); the SDKs make DeviceNotFound of amqp:not-found.
  ServiceClient service(shared_emulator());
  AmqpLink link(shared_emulator(), {});
  link.open();
  link.put_token(service.authorization());
  link.exchange(R"([0 attach ("c2d" 43 true - - source ("/devices/amqp-m2/messages/devicebound") target ("me"))])",
                R"([0 attach ("c2d" 43 false 50 02 50 00 - - - - 43 44 - - -)]
                   [0 detach (43 true error ('amqp:not-found'
                      ~{"errorCode":404001,"trackingId":..,"message":"amqp-m2","timestampUtc":..}~ -))])");
}

TEST_CASE("M3 a redirect to the event hub is an attach that looks accepted, then the detach that says where to") {
  // uamqp raises LinkRedirect only after a whole attach; the az command splits `address` at its slashes.
  ServiceClient service(shared_emulator());
  AmqpLink link(shared_emulator(), {});
  link.open();
  link.put_token(service.authorization());
  link.exchange(
      R"([0 attach ("meta" 43 true - - source ("/messages/events/$management") target ("me"))])",
      R"([0 attach ("meta" 43 false 50 02 50 00 source ("/messages/events/$management" 43 - 43 false - - - - - -)
                       target ("me" 43 - 43 false - -) - - 43 44 - - -)]
                   [0 detach (43 true error ('amqp:link:redirect'
                      "The events are read from the Event-Hubs-compatible endpoint"
                      d1('hostname' "localhost" 'network-host' "localhost" 'port' 70 00001627
                         'address' "amqps://localhost:5671/localhost/$management")))])");
}

// ---- N: what the answer to an attach copies -------------------------------------------------------------------------

TEST_CASE("N1 source and target come back with the address as it was written, and the filter") {
  // pyamqp, uamqp and .NET write whole URLs, JavaScript a path; Event Hubs clients look for their filter in the answer.
  ServiceClient service(shared_emulator());
  AmqpLink link(shared_emulator(), amqp_names(service, service.create("amqp-n1")));
  link.open();
  link.put_token(link.names()["owner"]);
  link.exchange(R"([0 attach ("reader" 43 true 50 00 50 01
                       source ("amqps://localhost/localhost/ConsumerGroups/$Default/Partitions/0" - - - - - -
                               map('apache.org:selector-filter:string' 00 'apache.org:selector-filter:string'
                                   "amqp.annotation.x-opt-offset > '@latest'"))
                       target ("me"))])",
                R"([0 attach ("reader" 43 false 50 00 50 01
                       source ("amqps://localhost/localhost/ConsumerGroups/$Default/Partitions/0" 43 - 43 false - -
                               d1('apache.org:selector-filter:string' 00 'apache.org:selector-filter:string'
                                   "amqp.annotation.x-opt-offset > '@latest'") - - -)
                       target ("me" 43 - 43 false - -) - - 43 44 - - -)])");
}

TEST_CASE("N2 all else that a source and a target say comes back as well") {
  ServiceClient service(shared_emulator());
  AmqpLink link(shared_emulator(), {});
  link.open();
  link.put_token(service.authorization());
  link.exchange(R"([0 attach ("reader" 43 true 50 01 50 00
                       source ("localhost/ConsumerGroups/$Default/Partitions/0" 52 02 'never' 52 3c false map('k' "v")
                               'copy' - - array(a3 'amqp:accepted:list' 'amqp:released:list') array(a3 'queue'))
                       target ("me" 52 01 'link-detach' 52 0a false - array(a3 'topic')))])",
                R"([0 attach ("reader" 43 false 50 01 50 00
                       source ("localhost/ConsumerGroups/$Default/Partitions/0" 52 02 'never' 52 3c false d1('k' "v")
                               'copy' - - f0(b3 'amqp:accepted:list' 'amqp:released:list') f0(b3 'queue'))
                       target ("me" 52 01 'link-detach' 52 0a false - f0(b3 'topic')) - - 43 44 - - -)])");
}

TEST_CASE("N3 a source that is null stays null beside a target that is copied") {
  // rhea and .NET attach senders so.
  ServiceClient service(shared_emulator());
  AmqpLink link(shared_emulator(), amqp_names(service, service.create("amqp-n3")));
  link.open();
  link.put_token(link.names()["sas"]);
  link.exchange(R"([0 attach ("d2c" 43 false - - - target ("amqps://localhost/devices/{d}/messages/events") - - 43)])",
                R"([0 attach ("d2c" 43 true 50 02 50 00 -
                       target ("amqps://localhost/devices/{d}/messages/events" 43 - 43 false - -) - - 43
                       80 0000000000040000 - - -)]
                   [0 flow (43 52 40 43 70 7fffffff 43 43 52 64 - false - -)])");
}

// ---- P: links and sessions that go, and come again ------------------------------------------------------------------

TEST_CASE("P1 a detach is answered with its own kind, and the link's handle and name are free again") {
  // Pooled clients attach and detach for days. pyamqp's links detach without closing unless they are told to (link.py).
  ServiceClient service(shared_emulator());
  AmqpLink link(shared_emulator(), amqp_names(service, service.create("amqp-p1")));
  link.open();
  link.put_token(link.names()["sas"]);
  for (int i = 0; i < 50; ++i) {
    link.exchange(kAttachTelemetry, kAttachedTelemetry);
    if (i % 2 == 0) {
      link.exchange("[0 detach (43 true)]", "[0 detach (43 true -)]");
    } else {
      link.exchange("[0 detach (43 false)]", "[0 detach (43 - -)]");
    }
  }
}

TEST_CASE("P2 a session's end is answered, and its channel is free again") {
  ServiceClient service(shared_emulator());
  AmqpLink link(shared_emulator(), amqp_names(service, service.create("amqp-p2")));
  link.open();
  link.put_token(link.names()["sas"]);
  for (int i = 0; i < 50; ++i) {
    link.exchange(kAttachTelemetry, kAttachedTelemetry);
    link.exchange("[0 end ()]", "[0 end (-)]");
    link.exchange(kBegin, kBegun);
  }
}

TEST_CASE("P3 links and sessions that have gone leave no memory behind") {
  // The same clients: each detach and end that is not answered to the end costs the hub some KB.
  if (slowness() > 1) return;  // an instrumented emulator keeps what it frees
  ServiceClient service(shared_emulator());
  AmqpLink link(shared_emulator(), amqp_names(service, service.create("amqp-p3")));
  link.open();
  link.put_token(link.names()["sas"]);
  const auto come_and_go = [&](std::string_view frames, char last) {
    std::string many;
    for (int i = 0; i < 100; ++i) many += amqp_bytes(frames, link.names());
    for (int round = 0; round < 50; ++round) {
      link.send_bytes(many);
      for (int answered = 0; answered < 100;) {
        constexpr std::size_t kPerformative = 10;
        const std::string frame = link.read_frame();
        REQUIRE(frame.size() > kPerformative);
        if (frame[kPerformative] == last) ++answered;
      }
    }
  };
  const auto links = [&] { come_and_go(std::string(kAttachTelemetry) + "[0 detach (43 true)]", '\x16'); };
  const auto sessions = [&] {
    come_and_go("[2 begin (- 43 52 40 52 40)] [2 attach (\"l\" 43 false - - - target (\"$cbs\") - - 43)] [2 end ()]",
                '\x17');
  };
  links();
  sessions();
  const std::size_t before = resident_bytes();
  links();
  sessions();
  CHECK(resident_bytes() < before + (std::size_t{4} << 20U));  // 5000 of each
}

}  // namespace iothub::test
