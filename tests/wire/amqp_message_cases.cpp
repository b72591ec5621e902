// AMQP messages and answers byte by byte: where Microsoft's clients need more than AMQP 1.0 asks for (amqp.md 1.3,
// whose letters the cases bear). What moves messages is in amqp_delivery_cases.cpp, what they move on in
// amqp_cases.cpp.
#include <doctest/doctest.h>

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "tests/wire/support/amqp_link.h"
#include "tests/wire/support/event_tables.h"
#include "tests/wire/support/http_link.h"
#include "tests/wire/support/shared_emulator.h"

namespace iothub::test {
namespace {

constexpr std::string_view kAttachTelemetry =
    R"([0 attach ("d2c" 43 false - - source ("me") target ("/devices/{d}/messages/events") - - 43)])";

}  // namespace

// ---- B: what Proton does not show -----------------------------------------------------------------------------------

TEST_CASE("B1 a batch of format 0x80013700 is as many events as it has data sections") {
  // .NET's SendEventBatchAsync and the C SDK, which batches up to max-message-size.
  ServiceClient service(shared_emulator());
  AmqpLink link(shared_emulator(), amqp_names(service, service.create("amqp-b1")));
  link.names()["one"] = amqp_binary(amqp_bytes("properties (\"1\") data `one`"));
  link.names()["two"] = amqp_binary(amqp_bytes("application-properties map(\"k\" \"v\") data `two`"));
  link.open();
  link.put_token(link.names()["sas"]);
  link.exchange(kAttachTelemetry, "[0 attach ?fields] [0 flow ?fields]");
  link.exchange("[0 transfer (43 43 #00 70 80013700 false) data {one} data {two}]",
                "[0 disposition (true 43 - true accepted 45 -)]");
  link.exchange("[0 transfer (43 52 01 #01 70 80013700 false) data {two}]",
                "[0 disposition (true 52 01 - true accepted 45 -)]");
  const std::vector<StoredEvent> events = stored_events(shared_database(), "amqp-b1");
  REQUIRE(events.size() == 3);
  CHECK(events[0].body == "one");
  CHECK(events[0].system_properties.find(R"("message-id":"1")") != std::string::npos);
  CHECK(events[1].body == "two");
  CHECK(events[1].properties == R"([["k","v"]])");
  CHECK(events[2].body == "two");
}

// ---- D: an answer has the request's id, and its type ----------------------------------------------------------------

TEST_CASE("D1 the answers of $cbs are correlated by ids of every type, and say status and description") {
  struct Row {
    std::string_view client;
    std::string_view id;
    std::string_view correlation;
  };
  constexpr auto kRows = std::to_array<Row>({
      {"uamqp's first", "44", "80 0000000000000000"},  // a ulong is one in every width
      {"uamqp's later ones", "53 07", "80 0000000000000007"},
      {"a large number", "80 ffffffffffffffff", "80 ffffffffffffffff"},
      {"pyamqp, Java", "98 00112233445566778899aabbccddeeff", "98 00112233445566778899aabbccddeeff"},
      {"Node, .NET", R"("cbs-1")", R"("cbs-1")"},
      {"none known", "#000102", "#000102"},
  });
  ServiceClient service(shared_emulator());
  AmqpLink link(shared_emulator(), amqp_names(service, service.create("amqp-d1")));
  link.open();
  link.attach_cbs();
  for (int number = 0; const Row& row : kRows) {
    CAPTURE(row.client);
    link.names()["id"] = row.id;
    link.names()["delivery"] = amqp_uint(number);
    link.exchange(R"([1 transfer (43 {delivery} #00 43 true) properties ({id} - "$cbs" - "cbs")
                        application-properties map("operation" "put-token" "type" "servicebus.windows.net:sastoken"
                                                   "name" "localhost") value "{sas}"])",
                  "[1 transfer (52 01 {delivery} " + hub_tag(number + 1) +
                      " 43 true - - - - - -) properties (- - - - - " + std::string(row.correlation) +
                      R"() application-properties map("status-code" 71 000000c8 "status-description" "OK") value -])");
    ++number;
  }
}

TEST_CASE("D2 the answers of $cbs to tokens that are not good") {
  // Recorded: iotedge 5639, C# issue 886, azure-iot-sdks 157. .NET reads both properties, uamqp shows the text.
  struct Row {
    std::string_view token;
    std::string_view answer;
  };
  constexpr auto kRows = std::to_array<Row>({
      {"{unknown}",
       R"("status-code" 71 00000194 "status-description" "Device nobody at IotHub localhost not registered.")"},
      {"{foreign}",
       R"("status-code" 71 00000191 "status-description" "The specified SAS token has an invalid signature. It does not match either the primary or secondary key.")"},
      {"{expired}", R"("status-code" 71 00000191 "status-description" "The specified SAS token is expired")"},
  });
  ServiceClient service(shared_emulator());
  const Login device = service.create("amqp-d2");
  Login foreign = device;
  foreign.key = "YW5vdGhlciBrZXksIHdob2xseSB3cm9uZw==";
  AmqpLink link(shared_emulator(), amqp_names(service, device));
  link.names()["unknown"] = Login{"nobody", {}, device.key}.token();
  link.names()["foreign"] = foreign.token();
  link.names()["expired"] = device.token(-3600);
  link.open();
  link.attach_cbs();
  for (int number = 0; const Row& row : kRows) {
    link.names()["delivery"] = amqp_uint(number);
    link.names()["shown"] = link.names()[std::string(row.token.substr(1, row.token.size() - 2))];
    link.exchange(R"([1 transfer (43 {delivery} #00 43 true) properties ("1" - "$cbs" - "cbs")
                        application-properties map("operation" "put-token" "type" "servicebus.windows.net:sastoken"
                                                   "name" "localhost") value "{shown}"])",
                  "[1 transfer (52 01 {delivery} " + hub_tag(number + 1) +
                      R"( 43 true - - - - - -) properties (- - - - - "1") application-properties map()" +
                      std::string(row.answer) + ") value -]");
    ++number;
  }
}

TEST_CASE("D3 a twin's answers are correlated by strings and by uuids") {
  // .NET, Node and C write strings, Java uuids; C takes the status as int only, and the version as long only.
  ServiceClient service(shared_emulator());
  AmqpLink link(shared_emulator(), amqp_names(service, service.create("amqp-d3")));
  link.open();
  link.put_token(link.names()["sas"]);
  link.exchange(R"([0 attach ("ask" 43 false - - source ("me") target ("/devices/{d}/twin") - - 43)])",
                "[0 attach ?fields] [0 flow ?fields]");
  link.exchange(R"([0 attach ("answer" 52 01 true 50 01 50 00 source ("/devices/{d}/twin") target ("me"))]
                   [0 flow (43 52 40 43 52 40 52 01 43 52 05)])",
                "[0 attach ?fields]");
  link.exchange(
      R"([0 transfer (43 43 #00 43 true) annotations map('operation' "PATCH" 'resource' "/properties/reported")
                      properties (- - - - - 98 00112233445566778899aabbccddeeff) data `{"n":1}`])",
      R"([0 transfer (52 01 43 #0200000000000000 43 true - - - - - -)
                      annotations map('status' 71 000000cc 'version' 81 0000000000000002)
                      properties (- - - - - 98 00112233445566778899aabbccddeeff) data ``])");
  link.exchange(
      R"([0 transfer (43 52 01 #01 43 true) annotations map('operation' "PATCH" 'resource' "/properties/reported")
                      properties (- - - - - "Patch1") data `[1]`])",
      R"([0 transfer (52 01 52 01 #0300000000000000 43 true - - - - - -) annotations map('status' 71 00000190)
                      properties (- - - - - "Patch1")
                      data ?error])");
}

TEST_CASE("D4 a method's request has a uuid, and its answer may say it as uuid or as text") {
  // The C SDK refuses any other type with amqp:decode-error, .NET makes a Guid of it; an answer may have its text.
  ServiceClient service(shared_emulator());
  AmqpLink link(shared_emulator(), amqp_names(service, service.create("amqp-d4")));
  link.open();
  link.put_token(link.names()["sas"]);
  link.exchange(
      R"([0 attach ("answers" 43 false - - source ("me") target ("/devices/{d}/methods/devicebound") - - 43)])",
      "[0 attach ?fields] [0 flow ?fields]");
  link.exchange(
      R"([0 attach ("requests" 52 01 true 50 01 50 00 source ("/devices/{d}/methods/devicebound") target ("me"))]
                   [0 flow (43 52 40 43 52 40 52 01 43 52 05)])",
      "[0 attach ?fields]");
  HttpLink calls(service);
  for (int number = 0; number < 2; ++number) {
    // Nothing is under way on the device's connection: the request wakes it.
    calls.client.send(
        calls.request("POST /twins/amqp-d4/methods", {}, R"({"methodName":"reboot","payload":{"in":1}})"));
    link.expect("[0 transfer (52 01 " + amqp_uint(number) + " " + hub_tag(number + 2) +
                R"( 43 true - - - - - -) properties (- - - - - ?uuid)
                   application-properties map("IoThub-methodname" "reboot") data `{"in":1}`])");
    std::string uuid = link.names()["uuid"];
    REQUIRE(uuid.starts_with("98 "));
    if (number == 1) {
      uuid = uuid.substr(3);
      for (const std::size_t dash : std::to_array<std::size_t>({8, 13, 18, 23})) uuid.insert(dash, "-");
      uuid = "\"" + uuid + "\"";
    }
    link.names()["id"] = uuid;
    link.exchange("[0 transfer (43 " + amqp_uint(number) + R"( #00 43 false) properties (- - - - - {id})
                       application-properties map("IoThub-status" 71 000000c8) data `{"out":2}`])",
                  "[0 disposition (true " + amqp_uint(number) + " - true accepted 45 -)]");
    CHECK(calls.read_response().body == R"({"status":200,"payload":{"out":2}})");
  }
}

}  // namespace iothub::test
