// What MQTT 3.1.1 forbids ends the link that sends it, and no other.
#include <doctest/doctest.h>

#include <array>
#include <exception>
#include <string>
#include <string_view>

#include "tests/wire/support/mqtt_link.h"
#include "tests/wire/support/shared_emulator.h"

namespace iothub::test {
namespace {

enum class After { nothing, connect };

struct Malformed {
  std::string_view number;
  After after;
  std::string_view out;
  std::string_view meaning;  ///< with the section that forbids it
};

// clang-format off
constexpr auto kMalformed = std::to_array<Malformed>({
    {"M001", After::nothing, "10 00",                                             "CONNECT without a body (3.1.2)"},
    {"M002", After::nothing, R"(11 ["MQTT" 04 c2 003c "{id}" "{user}" "{sas}"])", "CONNECT with fixed header flags (2.2.2)"},
    {"M003", After::nothing, R"(10 ["MQTT" 04 c3 003c "{id}" "{user}" "{sas}"])", "CONNECT with the reserved flag (3.1.2.3)"},
    {"M004", After::nothing, R"(10 ["MQTT" 04 ca 003c "{id}" "{user}" "{sas}"])", "CONNECT: will QoS without a will (3.1.2.6)"},
    {"M005", After::nothing, R"(10 ["MQTT" 04 e2 003c "{id}" "{user}" "{sas}"])", "CONNECT: will retain without a will (3.1.2.7)"},
    {"M006", After::nothing, R"(10 ["MQTT" 04 de 003c "{id}" "devices/{d}/messages/events/" "x" "{user}" "{sas}"])",
                                                                                  "CONNECT: will QoS 3 (3.1.2.6)"},
    {"M007", After::nothing, R"(10 ["MQTT" 04 c6 003c "{id}" "devices/{d}/+" "x" "{user}" "{sas}"])",
                                                                                  "CONNECT: a wildcard in the will's topic (4.7.1)"},
    {"M008", After::nothing, R"(10 ["MQTT" 04 42 003c "{id}" "{sas}"])",          "CONNECT: a password without a user name (3.1.2.9)"},
    {"M009", After::nothing, R"(10 ["MQTT" 04 c2 003c "{id}" "{user}"])",         "CONNECT: the flag promises a password (3.1.3)"},
    {"M010", After::nothing, R"(10 ["MQTT" 04 c2 003c "{id}" "{user}" "{sas}" 00])", "CONNECT with a byte left over (3.1.3)"},
    {"M011", After::nothing, R"(10 ["MQTT" 04 c2 003c 0002 c328 "{user}" "{sas}"])", "CONNECT: a client id that is not UTF-8 (1.5.3)"},
    {"M012", After::nothing, R"(10 ["MQTT" 04 c2 003c 0002 6100 "{user}" "{sas}"])", "CONNECT: U+0000 in the client id (1.5.3)"},
    {"M013", After::nothing, R"(10 ["MQTT" 04 c2])",                              "CONNECT cut off (3.1.2)"},
    {"M014", After::nothing, "10 ff ff ff ff 01",                                 "a remaining length of five bytes (2.2.3)"},
    {"M015", After::nothing, "10 ff ff ff 7f",                                    "a CONNECT of 256 MB, refused by its length"},

    {"M020", After::connect, "00 00",                                             "packet type 0, reserved (2.2.1)"},
    {"M021", After::connect, "f0 00",                                             "packet type 15, reserved (2.2.1)"},
    {"M022", After::connect, "20 02 00 00",                                       "CONNACK, which only a server sends (2.2.1)"},
    {"M023", After::connect, "90 03 0001 00",                                     "SUBACK, which only a server sends"},
    {"M024", After::connect, "b0 02 0001",                                        "UNSUBACK, which only a server sends"},
    {"M025", After::connect, "d0 00",                                             "PINGRESP, which only a server sends"},
    {"M026", After::connect, "c0 ff ff ff ff 01",                                 "a remaining length of five bytes (2.2.3)"},
    {"M027", After::connect, "30 ff ff ff 7f",                                    "a PUBLISH of 256 MB, refused by its length"},
    {"M028", After::connect, "c1 00",                                             "PINGREQ with flags (2.2.2)"},
    {"M029", After::connect, "c0 01 00",                                          "PINGREQ with a body (3.12)"},
    {"M030", After::connect, "e1 00",                                             "DISCONNECT with flags (3.14.1)"},
    {"M031", After::connect, "e0 01 00",                                          "DISCONNECT with a body (3.14)"},

    {"M040", After::connect, R"(36 ["devices/{d}/messages/events/" 0001 'x'])",   "PUBLISH with QoS 3 (3.3.1.2)"},
    {"M041", After::connect, R"(38 ["devices/{d}/messages/events/" 'x'])",        "PUBLISH with DUP and QoS 0 (3.3.1.1)"},
    {"M042", After::connect, R"(32 ["devices/{d}/messages/events/" 0000 'x'])",   "PUBLISH with packet id 0 (2.3.1)"},
    {"M043", After::connect, R"(30 ["" 'x'])",                                    "PUBLISH with an empty topic (4.7.3)"},
    {"M044", After::connect, R"(30 ["devices/{d}/messages/+" 'x'])",              "PUBLISH with a wildcard (3.3.2.1)"},
    {"M045", After::connect, R"(30 ["devices/{d}/messages/#" 'x'])",              "PUBLISH with a wildcard (3.3.2.1)"},
    {"M046", After::connect, "30 00",                                             "PUBLISH without a topic (3.3.2)"},
    {"M047", After::connect, "30 03 0009 61",                                     "PUBLISH whose topic goes past its end (1.5.3)"},
    {"M048", After::connect, R"(32 ["devices/{d}/messages/events/" 00])",         "PUBLISH whose packet id is cut off (3.3.2.2)"},
    {"M049", After::connect, "30 04 0002 c328",                                   "PUBLISH with a topic that is not UTF-8 (1.5.3)"},
    {"M050", After::connect, "30 05 0003 eda080",                                 "PUBLISH with a surrogate in its topic (1.5.3)"},
    {"M051", After::connect, "30 03 0001 00",                                     "PUBLISH with U+0000 in its topic (1.5.3)"},
    {"M052", After::connect, "30 06 0004 f4908080",                               "PUBLISH with a code point past U+10FFFF (1.5.3)"},
    {"M053", After::connect, "30 04 0002 c0af",                                   "PUBLISH with an overlong sequence (1.5.3)"},

    {"M060", After::connect, R"(80 [0001 "$iothub/twin/res/#" 00])",              "SUBSCRIBE with fixed header flags 0 (3.8.1)"},
    {"M061", After::connect, R"(82 [0000 "$iothub/twin/res/#" 00])",              "SUBSCRIBE with packet id 0 (2.3.1)"},
    {"M062", After::connect, "82 02 0001",                                        "SUBSCRIBE without a filter (3.8.3)"},
    {"M063", After::connect, R"(82 [0001 "$iothub/twin/res/#"])",                 "SUBSCRIBE without the QoS (3.8.3)"},
    {"M064", After::connect, R"(82 [0001 "$iothub/twin/res/#" 03])",              "SUBSCRIBE with QoS 3 (3.8.3)"},
    {"M065", After::connect, R"(82 [0001 "$iothub/twin/res/#" 80])",              "SUBSCRIBE with reserved QoS bits (3.8.3)"},
    {"M066", After::connect, R"(82 [0001 "" 00])",                                "SUBSCRIBE with an empty filter (4.7.3)"},
    {"M067", After::connect, R"(82 [0001 "$iothub/#/res" 00])",                   "SUBSCRIBE: # that is not last (4.7.1.2)"},
    {"M068", After::connect, R"(82 [0001 "$iothub/twin+/res" 00])",               "SUBSCRIBE: + beside text (4.7.1.3)"},
    {"M069", After::connect, "82 01 00",                                          "SUBSCRIBE cut off (3.8.2)"},
    {"M070", After::connect, R"(a0 [0001 "$iothub/twin/res/#"])",                 "UNSUBSCRIBE with fixed header flags 0 (3.10.1)"},
    {"M071", After::connect, R"(a2 [0000 "$iothub/twin/res/#"])",                 "UNSUBSCRIBE with packet id 0 (2.3.1)"},
    {"M072", After::connect, "a2 02 0001",                                        "UNSUBSCRIBE without a filter (3.10.3)"},
    {"M073", After::connect, R"(a2 [0001 "$iothub/#/res"])",                      "UNSUBSCRIBE: # that is not last (4.7.1.2)"},

    {"M080", After::connect, "42 02 0001",                                        "PUBACK with flags (2.2.2)"},
    {"M081", After::connect, "40 02 0000",                                        "PUBACK of packet id 0 (2.3.1)"},
    {"M082", After::connect, "40 01 00",                                          "PUBACK cut off (3.4.2)"},
    {"M083", After::connect, "40 03 0001 00",                                     "PUBACK with a byte left over (3.4.2)"},
    {"M084", After::connect, "60 02 0001",                                        "PUBREL with fixed header flags 0 (3.6.1)"},
});
// clang-format on

}  // namespace

TEST_CASE("a malformed packet ends its link without an answer, and no other link") {
  ServiceClient service(shared_emulator());
  const Login offender = service.create("malformed-d");
  MqttLink bystander(shared_emulator(), service.create("bystander-d"));
  bystander.connect();
  bystander.exchange(R"(82 [0001 "$iothub/twin/res/#" 00])", "90 03 0001 00");
  for (const Malformed& row : kMalformed) {
    CAPTURE(row.number);
    CAPTURE(row.meaning);
    try {
      MqttLink link(shared_emulator(), offender);
      if (row.after == After::connect) link.connect();
      link.send(row.out);
      link.expect_closed();
      bystander.exchange(R"(30 ["$iothub/twin/GET/?$rid=1" ' '])",
                         R"(30 ["$iothub/twin/res/200/?$rid=1"
                                '{"desired":{"$version":1},"reported":{"$version":1}}'])");
    } catch (const std::exception& error) {
      FAIL_CHECK(std::string(error.what()));
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
