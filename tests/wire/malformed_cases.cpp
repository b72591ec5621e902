// What MQTT 3.1.1 forbids ends the link that sends it, and no other. Each row names the normative statement
// (MQTT 3.1.1, Appendix B) that it breaks; together they are all that let a server see a client break one.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <exception>
#include <set>
#include <string>
#include <string_view>

#include "tests/wire/support/mqtt_link.h"
#include "tests/wire/support/shared_emulator.h"

namespace iothub::test {
namespace {

enum class After { nothing, connect };

struct Malformed {
  std::string_view number;
  std::string_view statement;  ///< where the specification numbers none: its section
  After after;
  std::string_view out;
  std::string_view meaning;
  std::string_view in = "";  ///< before the link is closed
};

// clang-format off
constexpr auto kMalformed = std::to_array<Malformed>({
    {"M001", "3.1.4-1",  After::nothing, "10 00",                                 "CONNECT without a body"},
    {"M002", "2.2.2-2",  After::nothing, R"(11 ["MQTT" 04 c2 003c "{id}" "{user}" "{sas}"])", "CONNECT with fixed header flags"},
    {"M003", "3.1.2-3",  After::nothing, R"(10 ["MQTT" 04 c3 003c "{id}" "{user}" "{sas}"])", "CONNECT with the reserved flag"},
    {"M004", "3.1.2-13", After::nothing, R"(10 ["MQTT" 04 ca 003c "{id}" "{user}" "{sas}"])", "CONNECT: will QoS 1 without a will"},
    {"M005", "3.1.2-15", After::nothing, R"(10 ["MQTT" 04 e2 003c "{id}" "{user}" "{sas}"])", "CONNECT: will retain without a will"},
    {"M006", "3.1.2-14", After::nothing, R"(10 ["MQTT" 04 de 003c "{id}" "devices/{d}/messages/events/" "x" "{user}" "{sas}"])",
                                                                                  "CONNECT: will QoS 3"},
    {"M007", "4.7.1-1",  After::nothing, R"(10 ["MQTT" 04 c6 003c "{id}" "devices/{d}/+" "x" "{user}" "{sas}"])",
                                                                                  "CONNECT: a wildcard in the will's topic"},
    {"M008", "3.1.2-22", After::nothing, R"(10 ["MQTT" 04 42 003c "{id}" "{sas}"])", "CONNECT: a password without a user name"},
    {"M009", "3.1.2-21", After::nothing, R"(10 ["MQTT" 04 c2 003c "{id}" "{user}"])", "CONNECT: the flag promises a password"},
    {"M010", "3.1.4-1",  After::nothing, R"(10 ["MQTT" 04 c2 003c "{id}" "{user}" "{sas}" 00])", "CONNECT with a byte left over"},
    {"M011", "3.1.3-4",  After::nothing, R"(10 ["MQTT" 04 c2 003c 0002 c328 "{user}" "{sas}"])", "CONNECT: a client id that is not UTF-8"},
    {"M012", "1.5.3-2",  After::nothing, R"(10 ["MQTT" 04 c2 003c 0002 6100 "{user}" "{sas}"])", "CONNECT: U+0000 in the client id"},
    {"M013", "3.1.4-1",  After::nothing, R"(10 ["MQTT" 04 c2])",                  "CONNECT cut off after its flags"},
    {"M014", "2.2.3",    After::nothing, "10 ff ff ff ff 01",                     "a remaining length of five bytes"},
    {"M015", "3.1.4-1",  After::nothing, "10 ff ff ff 7f",                        "a CONNECT of 256 MB, refused by its length"},
    {"M016", "3.1.2-13", After::nothing, R"(10 ["MQTT" 04 d2 003c "{id}" "{user}" "{sas}"])", "CONNECT: will QoS 2 without a will"},
    {"M017", "3.1.2-11", After::nothing, R"(10 ["MQTT" 04 c2 003c "{id}" "devices/{d}/messages/events/" "x" "{user}" "{sas}"])",
                                                                                  "CONNECT: a will without its flag"},
    {"M018", "3.1.2-9",  After::nothing, R"(10 ["MQTT" 04 c6 003c "{id}" "{user}" "{sas}"])", "CONNECT: the flag promises a will"},
    {"M019", "3.1.2-18", After::nothing, R"(10 ["MQTT" 04 02 003c "{id}" "{user}"])", "CONNECT: a user name without its flag"},
    {"M200", "3.1.2-19", After::nothing, R"(10 ["MQTT" 04 82 003c "{id}"])",      "CONNECT: the flag promises a user name"},
    {"M201", "3.1.2-20", After::nothing, R"(10 ["MQTT" 04 82 003c "{id}" "{user}" "{sas}"])", "CONNECT: a password without its flag"},
    {"M202", "3.1.3-3",  After::nothing, R"(10 ["MQTT" 04 02 003c])",             "CONNECT without a client id"},
    {"M203", "3.1.3-10", After::nothing, R"(10 ["MQTT" 04 c6 003c "{id}" 0002 c328 "x" "{user}" "{sas}"])",
                                                                                  "CONNECT: a will topic that is not UTF-8"},
    {"M204", "4.7.3-1",  After::nothing, R"(10 ["MQTT" 04 c6 003c "{id}" "" "x" "{user}" "{sas}"])", "CONNECT: an empty will topic"},
    {"M205", "3.1.3-11", After::nothing, R"(10 ["MQTT" 04 c2 003c "{id}" 0002 c328 "{sas}"])", "CONNECT: a user name that is not UTF-8"},
    {"M206", "1.5.3-2",  After::nothing, R"(10 ["MQTT" 04 c2 003c "{id}" 0002 6100 "{sas}"])", "CONNECT: U+0000 in the user name"},
    {"M207", "1.5.3-1",  After::nothing, R"(10 [0004 c328c328 04 c2 003c "{id}" "{user}" "{sas}"])",
                                                                                  "CONNECT: a protocol name that is not UTF-8"},
    {"M208", "3.1.4-1",  After::nothing, R"(10 ["MQTT" 04 c2 003c ffff 61])",     "CONNECT: a client id that goes past its end"},

    // What is no CONNECT does not tell MQTT either: the listener knows no such protocol (3.1.0-1).
    {"M210", "3.1.0-1",  After::nothing, R"(30 ["devices/{d}/messages/events/" 'x'])", "PUBLISH first"},
    {"M211", "3.1.0-1",  After::nothing, "40 02 0001",                            "PUBACK first"},
    {"M212", "3.1.0-1",  After::nothing, "50 02 0001",                            "PUBREC first, which begins as HTTP may"},
    {"M213", "3.1.0-1",  After::nothing, "62 02 0001",                            "PUBREL first, which begins as HTTP may"},
    {"M214", "3.1.0-1",  After::nothing, "70 02 0001",                            "PUBCOMP first, which begins as HTTP may"},
    {"M215", "3.1.0-1",  After::nothing, R"(82 [0001 "$iothub/twin/res/#" 00])",  "SUBSCRIBE first"},
    {"M216", "3.1.0-1",  After::nothing, R"(a2 [0001 "$iothub/twin/res/#"])",     "UNSUBSCRIBE first"},
    {"M217", "3.1.0-1",  After::nothing, "c0 00",                                 "PINGREQ first"},
    {"M218", "3.1.0-1",  After::nothing, "e0 00",                                 "DISCONNECT first"},
    {"M219", "3.1.0-1",  After::nothing, "20 02 00 00",                           "CONNACK first"},

    // Refused with a code, then closed.
    {"M220", "3.1.2-1",  After::nothing, R"(10 ["MQTX" 04 c2 003c "{id}" "{user}" "{sas}"])", "CONNECT of another protocol", "20 02 00 01"},
    {"M221", "3.1.2-2",  After::nothing, R"(10 ["MQTT" 03 c2 003c "{id}" "{user}" "{sas}"])", "CONNECT of level 3", "20 02 00 01"},
    {"M222", "3.1.2-2",  After::nothing, R"(10 ["MQTT" 84 c2 003c "{id}" "{user}" "{sas}"])", "CONNECT of a bridge, level 84",
                                                                                  "20 02 00 01"},
    {"M223", "3.1.3-8",  After::nothing, R"(10 ["MQTT" 04 c0 003c "" "{user}" "{sas}"])", "CONNECT: no client id for a kept session",
                                                                                  "20 02 00 02"},
    {"M224", "3.2.2-5",  After::nothing, R"(10 ["MQTT" 04 c2 003c "{id}" "{user}" "wrong"])", "CONNECT with a wrong password", "20 02 00 05"},
    {"M225", "3.1.4-5",  After::nothing, R"(10 ["MQTT" 04 c2 003c "{id}" "{user}" "wrong"] c0 00 82 [0001 "$iothub/twin/res/#" 00])",
                                                                                  "packets behind a CONNECT that is refused", "20 02 00 05"},
    {"M226", "3.1.0-2",  After::connect, R"(10 ["MQTT" 04 c2 003c "{id}" "{user}" "{sas}"])", "a second CONNECT"},
    {"M227", "3.14.4-2", After::connect, "e0 00 c0 00",                           "PINGREQ after DISCONNECT"},

    {"M020", "2.2.1",    After::connect, "00 00",                                 "packet type 0, reserved"},
    {"M021", "2.2.1",    After::connect, "f0 00",                                 "packet type 15, reserved"},
    {"M022", "2.2.1",    After::connect, "20 02 00 00",                           "CONNACK, which only a server sends"},
    {"M023", "2.2.1",    After::connect, "90 03 0001 00",                         "SUBACK, which only a server sends"},
    {"M024", "2.2.1",    After::connect, "b0 02 0001",                            "UNSUBACK, which only a server sends"},
    {"M025", "2.2.1",    After::connect, "d0 00",                                 "PINGRESP, which only a server sends"},
    {"M026", "2.2.3",    After::connect, "c0 ff ff ff ff 01",                     "a remaining length of five bytes"},
    {"M027", "2.2.3",    After::connect, "30 ff ff ff 7f",                        "a PUBLISH of 256 MB, refused by its length"},
    {"M028", "2.2.2-2",  After::connect, "c1 00",                                 "PINGREQ with flags"},
    {"M029", "3.12",     After::connect, "c0 01 00",                              "PINGREQ with a body"},
    {"M030", "3.14.1-1", After::connect, "e1 00",                                 "DISCONNECT with flags"},
    {"M031", "3.14",     After::connect, "e0 01 00",                              "DISCONNECT with a body"},

    {"M040", "3.3.1-4",  After::connect, R"(36 ["devices/{d}/messages/events/" 0001 'x'])", "PUBLISH with QoS 3"},
    {"M041", "3.3.1-2",  After::connect, R"(38 ["devices/{d}/messages/events/" 'x'])", "PUBLISH with DUP and QoS 0"},
    {"M042", "2.3.1-1",  After::connect, R"(32 ["devices/{d}/messages/events/" 0000 'x'])", "PUBLISH with packet id 0"},
    {"M043", "4.7.3-1",  After::connect, R"(30 ["" 'x'])",                        "PUBLISH with an empty topic"},
    {"M044", "3.3.2-2",  After::connect, R"(30 ["devices/{d}/messages/+" 'x'])",  "PUBLISH with a wildcard, +"},
    {"M045", "3.3.2-2",  After::connect, R"(30 ["devices/{d}/messages/#" 'x'])",  "PUBLISH with a wildcard, #"},
    {"M046", "3.3.2-1",  After::connect, "30 00",                                 "PUBLISH without a topic"},
    {"M047", "3.3.2-1",  After::connect, "30 03 0009 61",                         "PUBLISH whose topic goes past its end"},
    {"M048", "2.3.1-1",  After::connect, R"(32 ["devices/{d}/messages/events/" 00])", "PUBLISH whose packet id is cut off"},
    {"M049", "1.5.3-1",  After::connect, "30 04 0002 c328",                       "PUBLISH with a topic that is not UTF-8"},
    {"M050", "1.5.3-1",  After::connect, "30 05 0003 eda080",                     "PUBLISH with a surrogate in its topic"},
    {"M051", "4.7.3-2",  After::connect, "30 03 0001 00",                         "PUBLISH with U+0000 in its topic"},
    {"M052", "1.5.3-1",  After::connect, "30 06 0004 f4908080",                   "PUBLISH with a code point past U+10FFFF"},
    {"M053", "1.5.3-1",  After::connect, "30 04 0002 c0af",                       "PUBLISH with an overlong sequence"},
    {"M054", "3.3.1-4",  After::connect, R"(3e ["devices/{d}/messages/events/" 0001 'x'])", "PUBLISH with DUP and QoS 3"},
    {"M055", "2.3.1-1",  After::connect, R"(3a ["devices/{d}/messages/events/" 0000 'x'])", "PUBLISH with DUP and packet id 0"},
    {"M056", "3.3.5-2",  After::connect, R"(32 ["devices/other/messages/events/" 0001 'x'])", "PUBLISH to another device's topic"},

    {"M060", "3.8.1-1",  After::connect, R"(80 [0001 "$iothub/twin/res/#" 00])",  "SUBSCRIBE with fixed header flags 0"},
    {"M061", "2.3.1-1",  After::connect, R"(82 [0000 "$iothub/twin/res/#" 00])",  "SUBSCRIBE with packet id 0"},
    {"M062", "3.8.3-3",  After::connect, "82 02 0001",                            "SUBSCRIBE without a filter"},
    {"M063", "3.8.3",    After::connect, R"(82 [0001 "$iothub/twin/res/#"])",     "SUBSCRIBE without the QoS"},
    {"M064", "3.8.3-4",  After::connect, R"(82 [0001 "$iothub/twin/res/#" 03])",  "SUBSCRIBE with QoS 3"},
    {"M065", "3.8.3-4",  After::connect, R"(82 [0001 "$iothub/twin/res/#" 80])",  "SUBSCRIBE with reserved QoS bits"},
    {"M066", "4.7.3-1",  After::connect, R"(82 [0001 "" 00])",                    "SUBSCRIBE with an empty filter"},
    {"M067", "4.7.1-2",  After::connect, R"(82 [0001 "$iothub/#/res" 00])",       "SUBSCRIBE: # that is not last"},
    {"M068", "4.7.1-3",  After::connect, R"(82 [0001 "$iothub/twin+/res" 00])",   "SUBSCRIBE: + beside text"},
    {"M069", "2.3.1-1",  After::connect, "82 01 00",                              "SUBSCRIBE cut off in its packet id"},
    {"M090", "3.8.3-1",  After::connect, "82 07 0001 0002 c328 00",               "SUBSCRIBE with a filter that is not UTF-8"},
    {"M091", "4.7.3-2",  After::connect, "82 07 0001 0002 6100 00",               "SUBSCRIBE with U+0000 in its filter"},
    {"M092", "4.7.1-2",  After::connect, R"(82 [0001 "$iothub/twin#" 00])",       "SUBSCRIBE: # beside text"},
    {"M093", "3.8.3-4",  After::connect, R"(82 [0001 "$iothub/twin/res/#" 00 "$iothub/methods/POST/#" 03])",
                                                                                  "SUBSCRIBE with QoS 3 behind a good filter"},
    {"M094", "3.8.3",    After::connect, "82 06 0001 0009 61 00",                 "SUBSCRIBE whose filter goes past its end"},
    {"M070", "3.10.1-1", After::connect, R"(a0 [0001 "$iothub/twin/res/#"])",     "UNSUBSCRIBE with fixed header flags 0"},
    {"M071", "2.3.1-1",  After::connect, R"(a2 [0000 "$iothub/twin/res/#"])",     "UNSUBSCRIBE with packet id 0"},
    {"M072", "3.10.3-2", After::connect, "a2 02 0001",                            "UNSUBSCRIBE without a filter"},
    {"M073", "4.7.1-2",  After::connect, R"(a2 [0001 "$iothub/#/res"])",          "UNSUBSCRIBE: # that is not last"},
    {"M095", "3.10.3-1", After::connect, "a2 06 0001 0002 c328",                  "UNSUBSCRIBE with a filter that is not UTF-8"},
    {"M096", "4.7.3-2",  After::connect, "a2 06 0001 0002 6100",                  "UNSUBSCRIBE with U+0000 in its filter"},
    {"M097", "4.7.3-1",  After::connect, R"(a2 [0001 ""])",                       "UNSUBSCRIBE with an empty filter"},
    {"M098", "4.7.1-3",  After::connect, R"(a2 [0001 "$iothub/twin+/res"])",      "UNSUBSCRIBE: + beside text"},
    {"M099", "2.3.1-1",  After::connect, "a2 01 00",                              "UNSUBSCRIBE cut off in its packet id"},

    {"M080", "2.2.2-2",  After::connect, "42 02 0001",                            "PUBACK with flags"},
    {"M081", "2.3.1-1",  After::connect, "40 02 0000",                            "PUBACK of packet id 0"},
    {"M082", "3.4.2",    After::connect, "40 01 00",                              "PUBACK cut off"},
    {"M083", "3.4.2",    After::connect, "40 03 0001 00",                         "PUBACK with a byte left over"},
    {"M084", "3.6.1-1",  After::connect, "60 02 0001",                            "PUBREL with fixed header flags 0"},
});
// clang-format on

/// The statements by which a server can see that a client broke the protocol. Others say what a client or server does
/// over time: link_cases.cpp has those (3.1.2-24 keep-alive, 3.1.4-2 take-over), websocket_cases.cpp 6.0.0-1.
constexpr std::string_view kStatements[] = {
    "1.5.3-1",  "1.5.3-2",  "2.2.2-2",  "2.3.1-1",  "3.1.0-1",  "3.1.0-2",  "3.1.2-1",  "3.1.2-2",
    "3.1.2-3",  "3.1.2-9",  "3.1.2-11", "3.1.2-13", "3.1.2-14", "3.1.2-15", "3.1.2-18", "3.1.2-19",
    "3.1.2-20", "3.1.2-21", "3.1.2-22", "3.1.3-3",  "3.1.3-4",  "3.1.3-8",  "3.1.3-10", "3.1.3-11",
    "3.1.4-1",  "3.1.4-5",  "3.2.2-5",  "3.3.1-2",  "3.3.1-4",  "3.3.2-1",  "3.3.2-2",  "3.3.5-2",
    "3.6.1-1",  "3.8.1-1",  "3.8.3-1",  "3.8.3-3",  "3.8.3-4",  "3.10.1-1", "3.10.3-1", "3.10.3-2",
    "3.14.1-1", "3.14.4-2", "4.7.1-1",  "4.7.1-2",  "4.7.1-3",  "4.7.3-1",  "4.7.3-2",
};

/// What a client sends, with the fixed header's flags that the specification asks for (table 2.2).
struct FixedFlags {
  std::string_view statement;
  std::string_view name;
  int type;
  int flags;
  std::string_view rest;
};
constexpr FixedFlags kFixedFlags[] = {
    {"2.2.2-2", "PUBACK", 4, 0, "02 0001"},
    {"2.2.2-2", "PUBREC", 5, 0, "02 0001"},
    {"3.6.1-1", "PUBREL", 6, 2, "02 0001"},
    {"2.2.2-2", "PUBCOMP", 7, 0, "02 0001"},
    {"3.8.1-1", "SUBSCRIBE", 8, 2, R"([0001 "$iothub/twin/res/#" 00])"},
    {"3.10.1-1", "UNSUBSCRIBE", 10, 2, R"([0001 "$iothub/twin/res/#"])"},
    {"2.2.2-2", "PINGREQ", 12, 0, "00"},
    {"3.14.1-1", "DISCONNECT", 14, 0, "00"},
};

}  // namespace

TEST_CASE("a malformed packet ends its link, after the answer that the row names, and no other link") {
  ServiceClient service(shared_emulator());
  const Login offender = service.create("malformed-d");
  MqttLink bystander(shared_emulator(), service.create("bystander-d"));
  bystander.connect();
  bystander.exchange(R"(82 [0001 "$iothub/twin/res/#" 00])", "90 03 0001 00");
  for (const Malformed& row : kMalformed) {
    CAPTURE(row.number);
    CAPTURE(row.statement);
    CAPTURE(row.meaning);
    try {
      MqttLink link(shared_emulator(), offender);
      if (row.after == After::connect) link.connect();
      link.send(row.out);
      if (!row.in.empty()) link.expect(row.in);
      link.expect_closed();
      bystander.exchange(R"(30 ["$iothub/twin/GET/?$rid=1" ' '])",
                         R"(30 ["$iothub/twin/res/200/?$rid=1"
                                '{"desired":{"$version":1},"reported":{"$version":1}}'])");
    } catch (const std::exception& error) {
      FAIL_CHECK(std::string(error.what()));
    }
  }
}

TEST_CASE("every statement of MQTT 3.1.1 whose breach a server can see has its malformed packet") {
  std::set<std::string_view> numbers, statements;
  for (const Malformed& row : kMalformed) {
    CHECK_MESSAGE(numbers.insert(row.number).second, "two rows are " << row.number);
    statements.insert(row.statement);
  }
  for (const std::string_view statement : kStatements) {
    CHECK_MESSAGE(statements.contains(statement), "no row breaks MQTT-" << statement);
  }
}

TEST_CASE("every wrong value of the fixed header's flags ends the link") {
  ServiceClient service(shared_emulator());
  const Login offender = service.create("wrong-flags-d");
  for (const FixedFlags& packet : kFixedFlags) {
    for (int flags = 0; flags < 16; ++flags) {
      if (flags == packet.flags) continue;
      CAPTURE(packet.name);
      CAPTURE(packet.statement);
      CAPTURE(flags);
      MqttLink link(shared_emulator(), offender);
      link.connect();
      link.client().send(static_cast<char>(packet.type << 4 | flags) + link.bytes(packet.rest) + link.bytes(kPingreq));
      link.expect_closed();
    }
  }
}

TEST_CASE("a malformed packet ends its link also behind good ones, which are answered first") {
  ServiceClient service(shared_emulator());
  MqttLink link(shared_emulator(), service.create("malformed-after-good-d"));
  link.connect();
  link.exchange(R"(c0 00 32 ["devices/{d}/messages/events/" 0001 'x'] f0 00 c0 00)", "d0 00 40 02 0001");
  link.expect_closed();
}

}  // namespace iothub::test
