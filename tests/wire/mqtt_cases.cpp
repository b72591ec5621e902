// MQTT as IoT Hub speaks it, byte by byte (documentation: Use MQTT to communicate with IoT Hub; MQTT 3.1.1 for the
// packets' layout).
#include <doctest/doctest.h>

#include <array>
#include <exception>
#include <nlohmann/json.hpp>
#include <regex>
#include <string>
#include <string_view>

#include "tests/unit/support/sas.h"
#include "tests/wire/support/event_tables.h"
#include "tests/wire/support/mqtt_link.h"
#include "tests/wire/support/shared_emulator.h"

namespace iothub::test {
namespace {

enum class Start {
  fresh,      ///< TLS is up, nothing was sent
  connected,  ///< CONNECT was accepted
  module      ///< as connected, but a module's link
};
enum class End {
  open,   ///< the link serves on, and nothing but `in` was sent
  closed  ///< the emulator closed it after `in`
};

/// One exchange of a new device's link: `out` is sent, `in` must come.
struct Case {
  std::string_view number;
  std::string_view title;
  Start start;
  std::string_view out;
  std::string_view in;
  End end;
};

// clang-format off
constexpr auto kCases = std::to_array<Case>({
    // ---- CONNECT: flags c0 = user name, password; c2 = and clean session
    {"W001", "CONNECT with a good token, clean session 1", Start::fresh,
     R"(10 ["MQTT" 04 c2 003c "{id}" "{user}" "{sas}"])", "20 02 00 00", End::open},  // CONNACK: accepted
    {"W002", "CONNECT with a good token, clean session 0, first time", Start::fresh,
     R"(10 ["MQTT" 04 c0 003c "{id}" "{user}" "{sas}"])", "20 02 00 00", End::open},  // session present 0
    {"W003", "CONNECT with the user name `host/device` alone", Start::fresh,
     R"(10 ["MQTT" 04 c2 003c "{id}" "localhost/{d}" "{sas}"])", "20 02 00 00", End::open},
    {"W004", "CONNECT with a loopback address for the host, and a port", Start::fresh,
     R"(10 ["MQTT" 04 c2 003c "{id}" "127.0.0.1:8883/{d}/?api-version=2021-04-12" "{sas}"])", "20 02 00 00", End::open},
    {"W005", "CONNECT of protocol level 3", Start::fresh,
     R"(10 ["MQTT" 03 c2 003c "{id}" "{user}" "{sas}"])", "20 02 00 01", End::closed},  // unacceptable protocol
    {"W006", "CONNECT of MQTT 5", Start::fresh,
     R"(10 ["MQTT" 05 c2 003c 00 "{id}" "{user}" "{sas}"])", "20 03 00 84 00", End::closed},  // 5's own CONNACK: 0x84
    {"W007", "CONNECT of MQTT 3.1", Start::fresh,
     R"(10 ["MQIsdp" 03 c2 003c "{id}" "{user}" "{sas}"])", "20 02 00 01", End::closed},
    {"W008", "CONNECT of another protocol", Start::fresh,
     R"(10 ["MQTX" 04 c2 003c "{id}" "{user}" "{sas}"])", "20 02 00 01", End::closed},
    {"W009", "CONNECT with a token of another key", Start::fresh,
     R"(10 ["MQTT" 04 c2 003c "{id}" "{user}" "{wrong_key}"])", "20 02 00 05", End::closed},  // not authorized
    {"W010", "CONNECT with a token that expired long ago", Start::fresh,
     R"(10 ["MQTT" 04 c2 003c "{id}" "{user}" "{expired}"])", "20 02 00 05", End::closed},
    {"W011", "CONNECT with a token that expired within the grace", Start::fresh,
     R"(10 ["MQTT" 04 c2 003c "{id}" "{user}" "{just_expired}"])", "20 02 00 00", End::open},
    {"W012", "CONNECT with a token of another device", Start::fresh,
     R"(10 ["MQTT" 04 c2 003c "{id}" "{user}" "{foreign}"])", "20 02 00 05", End::closed},
    {"W013", "CONNECT of a device that is not registered", Start::fresh,
     R"(10 ["MQTT" 04 c2 003c "nobody" "localhost/nobody/?api-version=2021-04-12" "{nobody}"])", "20 02 00 05",
     End::closed},
    {"W014", "CONNECT with the device id in another case", Start::fresh,
     R"(10 ["MQTT" 04 c2 003c "{upper}" "localhost/{upper}/?api-version=2021-04-12" "{sas}"])", "20 02 00 05",
     End::closed},
    {"W015", "CONNECT with a client id that is not the device id", Start::fresh,
     R"(10 ["MQTT" 04 c2 003c "other" "{user}" "{sas}"])", "20 02 00 05", End::closed},
    {"W016", "CONNECT with an empty client id and clean session 0", Start::fresh,
     R"(10 ["MQTT" 04 c0 003c "" "{user}" "{sas}"])", "20 02 00 02", End::closed},  // identifier rejected
    {"W017", "CONNECT with an empty client id and clean session 1", Start::fresh,
     R"(10 ["MQTT" 04 c2 003c "" "{user}" "{sas}"])", "20 02 00 05", End::closed},
    {"W018", "CONNECT without a password", Start::fresh,
     R"(10 ["MQTT" 04 82 003c "{id}" "{user}"])", "20 02 00 05", End::closed},
    {"W019", "CONNECT with an empty password", Start::fresh,
     R"(10 ["MQTT" 04 c2 003c "{id}" "{user}" ""])", "20 02 00 05", End::closed},
    {"W020", "CONNECT with a password that is no token", Start::fresh,
     R"(10 ["MQTT" 04 c2 003c "{id}" "{user}" "secret"])", "20 02 00 05", End::closed},
    {"W021", "CONNECT without user name and password", Start::fresh,
     R"(10 ["MQTT" 04 02 003c "{id}"])", "20 02 00 05", End::closed},
    {"W022", "CONNECT with a user name of another form", Start::fresh,
     R"(10 ["MQTT" 04 c2 003c "{id}" "admin" "{sas}"])", "20 02 00 05", End::closed},
    {"W023", "CONNECT that names an unknown hub", Start::fresh,
     R"(10 ["MQTT" 04 c2 003c "{id}" "other.example/{d}/?api-version=2021-04-12" "{sas}"])", "20 02 00 05",
     End::closed},
    {"W024", "CONNECT with a will on the events topic", Start::fresh,
     R"(10 ["MQTT" 04 c6 003c "{id}" "devices/{d}/messages/events/" "gone" "{user}" "{sas}"])", "20 02 00 00",
     End::open},
    {"W025", "PINGREQ as the first packet", Start::fresh, "c0 00", "", End::closed},
    {"W026", "PUBLISH as the first packet", Start::fresh, R"(30 ["devices/{d}/messages/events/" 'hot'])", "",
     End::closed},
    {"W027", "SUBSCRIBE as the first packet", Start::fresh, R"(82 [0001 "$iothub/twin/res/#" 00])", "", End::closed},
    {"W028", "DISCONNECT as the first packet", Start::fresh, "e0 00", "", End::closed},
    {"W029", "a second CONNECT", Start::connected, R"(10 ["MQTT" 04 c2 003c "{id}" "{user}" "{sas}"])", "",
     End::closed},
    {"W030", "DISCONNECT", Start::connected, "e0 00", "", End::closed},
    {"W031", "nothing is served after DISCONNECT", Start::connected, "e0 00 c0 00", "", End::closed},

    // ---- SUBSCRIBE: id, filter, QoS -> SUBACK: id, granted QoS
    {"W040", "SUBSCRIBE to twin answers with QoS 0", Start::connected,
     R"(82 [0001 "$iothub/twin/res/#" 00])", "90 03 0001 00", End::open},
    {"W041", "SUBSCRIBE to twin answers with QoS 1", Start::connected,
     R"(82 [0002 "$iothub/twin/res/#" 01])", "90 03 0002 01", End::open},
    {"W042", "SUBSCRIBE to twin answers with QoS 2 is granted 1", Start::connected,
     R"(82 [0003 "$iothub/twin/res/#" 02])", "90 03 0003 01", End::open},
    {"W043", "SUBSCRIBE to desired patches with QoS 0", Start::connected,
     R"(82 [0004 "$iothub/twin/PATCH/properties/desired/#" 00])", "90 03 0004 00", End::open},
    {"W044", "SUBSCRIBE to desired patches with QoS 1", Start::connected,
     R"(82 [0005 "$iothub/twin/PATCH/properties/desired/#" 01])", "90 03 0005 01", End::open},
    {"W045", "SUBSCRIBE to desired patches with QoS 2 is granted 1", Start::connected,
     R"(82 [0006 "$iothub/twin/PATCH/properties/desired/#" 02])", "90 03 0006 01", End::open},
    {"W046", "SUBSCRIBE to methods with QoS 0", Start::connected,
     R"(82 [0007 "$iothub/methods/POST/#" 00])", "90 03 0007 00", End::open},
    {"W047", "SUBSCRIBE to methods with QoS 1", Start::connected,
     R"(82 [0008 "$iothub/methods/POST/#" 01])", "90 03 0008 01", End::open},
    {"W048", "SUBSCRIBE to methods with QoS 2 is granted 1", Start::connected,
     R"(82 [0009 "$iothub/methods/POST/#" 02])", "90 03 0009 01", End::open},
    {"W049", "SUBSCRIBE to cloud-to-device messages with QoS 0", Start::connected,
     R"(82 [000a "devices/{d}/messages/devicebound/#" 00])", "90 03 000a 00", End::open},
    {"W050", "SUBSCRIBE to cloud-to-device messages with QoS 1", Start::connected,
     R"(82 [000b "devices/{d}/messages/devicebound/#" 01])", "90 03 000b 01", End::open},
    {"W051", "SUBSCRIBE to cloud-to-device messages with QoS 2 is granted 1", Start::connected,
     R"(82 [000c "devices/{d}/messages/devicebound/#" 02])", "90 03 000c 01", End::open},
    {"W052", "SUBSCRIBE to a module's inputs with QoS 0", Start::module,
     R"(82 [000d "devices/{d}/modules/{m}/inputs/#" 00])", "90 03 000d 00", End::open},
    {"W053", "SUBSCRIBE to a module's inputs with QoS 1", Start::module,
     R"(82 [000e "devices/{d}/modules/{m}/inputs/#" 01])", "90 03 000e 01", End::open},
    {"W054", "SUBSCRIBE to a module's inputs with QoS 2 is granted 1", Start::module,
     R"(82 [000f "devices/{d}/modules/{m}/inputs/#" 02])", "90 03 000f 01", End::open},
    {"W055", "SUBSCRIBE of three filters in one packet", Start::connected,
     R"(82 [ffff "$iothub/twin/res/#" 00 "$iothub/methods/POST/#" 01 "$iothub/twin/PATCH/properties/desired/#" 02])",
     "90 05 ffff 00 01 01", End::open},
    {"W056", "SUBSCRIBE twice to the same filter: the later QoS stands", Start::connected,
     R"(82 [0001 "$iothub/twin/res/#" 01] 82 [0002 "$iothub/twin/res/#" 00])", "90 03 0001 01 90 03 0002 00",
     End::open},
    {"W057", "SUBSCRIBE to a foreign topic", Start::connected, R"(82 [0001 "tema" 00])", "", End::closed},  // no SUBACK
    {"W058", "SUBSCRIBE to everything", Start::connected, R"(82 [0001 "#" 00])", "", End::closed},
    {"W059", "SUBSCRIBE to another device's messages", Start::connected,
     R"(82 [0001 "devices/other/messages/devicebound/#" 00])", "", End::closed},
    {"W060", "SUBSCRIBE of a device to module inputs", Start::connected,
     R"(82 [0001 "devices/{d}/modules/m/inputs/#" 00])", "", End::closed},
    {"W061", "SUBSCRIBE to a good and a foreign filter", Start::connected,
     R"(82 [0001 "$iothub/twin/res/#" 00 "tema" 00])", "", End::closed},
    {"W062", "SUBSCRIBE to an unknown $iothub topic", Start::connected, R"(82 [0001 "$iothub/unknown/#" 00])", "",
     End::closed},
    {"W063", "UNSUBSCRIBE from what was never subscribed", Start::connected,
     R"(a2 [0001 "$iothub/twin/res/#"])", "b0 02 0001", End::open},  // UNSUBACK: id
    {"W064", "UNSUBSCRIBE from a foreign topic", Start::connected, R"(a2 [0007 "tema"])", "b0 02 0007", End::open},
    {"W065", "UNSUBSCRIBE ends the answers", Start::connected,
     R"(82 [0001 "$iothub/twin/res/#" 00] a2 [0002 "$iothub/twin/res/#"] 30 ["$iothub/twin/GET/?$rid=1" ' '])",
     "90 03 0001 00 b0 02 0002", End::open},

    // ---- PINGREQ
    {"W070", "PINGREQ", Start::connected, "c0 00", "d0 00", End::open},
    {"W071", "three PINGREQs", Start::connected, "c0 00 c0 00 c0 00", "d0 00 d0 00 d0 00", End::open},

    // ---- telemetry: PUBLISH 32 = QoS 1, 30 = QoS 0 -> PUBACK: id
    {"W080", "PUBLISH of telemetry with QoS 1", Start::connected,
     R"(32 ["devices/{d}/messages/events/" 0001 'hot'])", "40 02 0001", End::open},
    {"W081", "PUBLISH of telemetry without the trailing slash", Start::connected,
     R"(32 ["devices/{d}/messages/events" 0002 'hot'])", "40 02 0002", End::open},
    {"W082", "PUBLISH of telemetry with properties", Start::connected,
     R"(32 ["devices/{d}/messages/events/%24.mid=m1&%24.ct=application%2Fjson&alert=true&empty=&bare" ffff '{}'])",
     "40 02 ffff", End::open},
    {"W083", "PUBLISH of telemetry with properties and a trailing slash", Start::connected,
     R"(32 ["devices/{d}/messages/events/alert=true/" 0003 'hot'])", "40 02 0003", End::open},
    {"W084", "PUBLISH of telemetry without a body", Start::connected,
     R"(32 ["devices/{d}/messages/events/" 0004])", "40 02 0004", End::open},
    {"W085", "PUBLISH of telemetry with DUP", Start::connected,
     R"(3a ["devices/{d}/messages/events/" 0005 'hot'])", "40 02 0005", End::open},
    {"W086", "PUBLISH of telemetry with RETAIN", Start::connected,
     R"(33 ["devices/{d}/messages/events/" 0006 'hot'])", "40 02 0006", End::open},
    {"W087", "the same packet id twice is acknowledged twice", Start::connected,
     R"(32 ["devices/{d}/messages/events/" 0007 'a'] 32 ["devices/{d}/messages/events/" 0007 'b'])",
     "40 02 0007 40 02 0007", End::open},
    {"W088", "PUBLISH of telemetry with QoS 0", Start::connected,
     R"(30 ["devices/{d}/messages/events/" 'hot'])", "", End::open},
    {"W089", "PUBLISH of telemetry with QoS 2", Start::connected,
     R"(34 ["devices/{d}/messages/events/" 0008 'hot'])", "", End::closed},  // neither PUBREC nor PUBACK
    {"W090", "PUBLISH of a module's telemetry", Start::module,
     R"(32 ["devices/{d}/modules/{m}/messages/events/" 0009 'hot'])", "40 02 0009", End::open},
    {"W091", "PUBLISH of a module to an output", Start::module,
     R"(32 ["devices/{d}/modules/{m}/messages/events/%24.on=out" 000a 'hot'])", "40 02 000a", End::open},
    {"W092", "PUBLISH of a module to its device's topic", Start::module,
     R"(32 ["devices/{d}/messages/events/" 000b 'hot'])", "", End::closed},
    {"W093", "PUBLISH to another device's topic", Start::connected,
     R"(32 ["devices/other/messages/events/" 000c 'hot'])", "", End::closed},
    {"W094", "PUBLISH to a foreign topic", Start::connected, R"(32 ["tema" 000d 'hot'])", "", End::closed},
    {"W095", "PUBLISH to a foreign topic with QoS 0", Start::connected, R"(30 ["tema" 'hot'])", "", End::closed},
    {"W096", "PUBLISH to an unknown $iothub topic", Start::connected, R"(30 ["$iothub/unknown/?$rid=1" ' '])", "",
     End::closed},
    {"W097", "PUBLISH to the topic that the hub itself sends on", Start::connected,
     R"(30 ["$iothub/twin/res/200/?$rid=1" '{}'])", "", End::closed},
    {"W098", "PUBLISH of telemetry with a broken percent sequence", Start::connected,
     R"(32 ["devices/{d}/messages/events/a=%zz" 000e 'hot'])", "", End::closed},
    {"W099", "PUBACK of what was never sent", Start::connected, "40 02 0001", "", End::open},
    {"W100", "PUBREC", Start::connected, "50 02 0001", "", End::closed},
    {"W101", "PUBREL", Start::connected, "62 02 0001", "", End::closed},
    {"W102", "PUBCOMP", Start::connected, "70 02 0001", "", End::closed},

    // ---- twin
    {"W110", "a twin GET without a subscription has no answer", Start::connected,
     R"(30 ["$iothub/twin/GET/?$rid=1" ' '])", "", End::open},
    {"W111", "a twin GET without a subscription is acknowledged all the same", Start::connected,
     R"(32 ["$iothub/twin/GET/?$rid=1" 0001 ' '])", "40 02 0001", End::open},
    {"W112", "a twin GET, answers subscribed with QoS 0", Start::connected,
     R"(82 [0001 "$iothub/twin/res/#" 00] 30 ["$iothub/twin/GET/?$rid=1" ' '])",
     R"(90 03 0001 00 30 ["$iothub/twin/res/200/?$rid=1" '{"desired":{"$version":1},"reported":{"$version":1}}'])",
     End::open},
    {"W113", "a twin GET with QoS 1, answers subscribed with QoS 1", Start::connected,
     R"(82 [0001 "$iothub/twin/res/#" 01] 32 ["$iothub/twin/GET/?$rid=ab-7" 0002 ' '])",
     R"(90 03 0001 01 40 02 0002
        32 ["$iothub/twin/res/200/?$rid=ab-7" 0001 '{"desired":{"$version":1},"reported":{"$version":1}}'])",
     End::open},
    {"W114", "a module's twin GET", Start::module,
     R"(82 [0001 "$iothub/twin/res/#" 00] 30 ["$iothub/twin/GET/?$rid=1" ' '])",
     R"(90 03 0001 00 30 ["$iothub/twin/res/200/?$rid=1" '{"desired":{"$version":1},"reported":{"$version":1}}'])",
     End::open},
    {"W115", "a twin GET without a request id", Start::connected, R"(30 ["$iothub/twin/GET/" ' '])", "", End::closed},
    {"W116", "a reported patch answers 204 and the new version", Start::connected,
     R"(82 [0001 "$iothub/twin/res/#" 00] 30 ["$iothub/twin/PATCH/properties/reported/?$rid=9" '{"on":true}'])",
     R"(90 03 0001 00 30 ["$iothub/twin/res/204/?$rid=9&$version=2"])", End::open},
    {"W117", "two reported patches, and the twin that they make", Start::connected,
     R"(82 [0001 "$iothub/twin/res/#" 00]
        30 ["$iothub/twin/PATCH/properties/reported/?$rid=1" '{"a":1,"b":{"c":2}}']
        30 ["$iothub/twin/PATCH/properties/reported/?$rid=2" '{"a":null,"b":{"d":3}}']
        30 ["$iothub/twin/GET/?$rid=3" ' '])",
     R"(90 03 0001 00
        30 ["$iothub/twin/res/204/?$rid=1&$version=2"]
        30 ["$iothub/twin/res/204/?$rid=2&$version=3"]
        30 ["$iothub/twin/res/200/?$rid=3"
            '{"desired":{"$version":1},"reported":{"b":{"c":2,"d":3},"$version":3}}'])",
     End::open},
    {"W118", "a reported patch without a subscription is done all the same", Start::connected,
     R"(32 ["$iothub/twin/PATCH/properties/reported/?$rid=1" 0001 '{"a":1}']
        82 [0002 "$iothub/twin/res/#" 00] 30 ["$iothub/twin/GET/?$rid=2" ' '])",
     R"(40 02 0001 90 03 0002 00
        30 ["$iothub/twin/res/200/?$rid=2" '{"desired":{"$version":1},"reported":{"a":1,"$version":2}}'])",
     End::open},
});
// clang-format on

/// `w001-d`: every case has a device of its own.
std::string device_of(std::string_view number) {
  std::string name(number);
  name[0] = 'w';
  return name + "-d";
}

Names names_for(const Login& login) {
  Names names = names_of(login);
  std::string upper = login.device;
  for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  const std::string other_key = text::base64_encode(std::string(32, 'x'));
  names["upper"] = upper;
  names["wrong_key"] = Login{login.device, login.module, other_key}.token();
  names["expired"] = login.token(-3600);
  names["just_expired"] = login.token(-60);
  names["foreign"] = Login{"other", {}, login.key}.token();
  names["nobody"] = Login{"nobody", {}, login.key}.token();
  return names;
}

void run(const Case& row, ServiceClient& service) {
  const std::string device = device_of(row.number);
  Login login = service.create(device);
  if (row.start == Start::module) login = service.create(device, "m");
  MqttLink link(shared_emulator(), login, Carrier::tls12);
  link.names() = names_for(login);
  if (row.start != Start::fresh) link.connect();
  link.exchange(row.out, row.in);
  row.end == End::open ? link.expect_alive() : link.expect_closed();
}

}  // namespace

TEST_CASE("MQTT packets are answered byte for byte") {
  ServiceClient service(shared_emulator());
  for (const Case& row : kCases) {
    CAPTURE(row.number);
    CAPTURE(row.title);
    try {
      run(row, service);
    } catch (const std::exception& error) {
      FAIL_CHECK(std::string(error.what()));
    }
  }
}

// ---- cases with a second party: the back end, or the store ---------------------------------------------------------

TEST_CASE("W130 a disabled device is refused, and its live link is dropped without a word") {
  ServiceClient service(shared_emulator());
  const Login device = service.create("w130-d");
  MqttLink live(shared_emulator(), device);
  live.connect();
  service.set_status(device, "disabled");
  live.expect_closed();
  MqttLink late(shared_emulator(), device);
  late.exchange(kConnectClean, kNotAuthorized);
  late.expect_closed();
}

TEST_CASE("W131 a deleted device's link is dropped, its module's too, and neither comes back") {
  ServiceClient service(shared_emulator());
  const Login device = service.create("w131-d");
  const Login module = service.create("w131-d", "m");
  MqttLink of_device(shared_emulator(), device);
  MqttLink of_module(shared_emulator(), module);
  of_device.connect();
  of_module.connect();
  service.must("DELETE", "/devices/w131-d", {}, "*");
  of_device.expect_closed();
  of_module.expect_closed();
  MqttLink late(shared_emulator(), device);
  late.exchange(kConnectClean, kNotAuthorized);
}

TEST_CASE("W132 a device that was made again does not take the old key") {
  ServiceClient service(shared_emulator());
  const Login before = service.create("w132-d");
  service.must("DELETE", "/devices/w132-d", {}, "*");
  const Login after = service.create("w132-d");
  MqttLink old_key(shared_emulator(), before);
  old_key.exchange(kConnectClean, kNotAuthorized);
  MqttLink new_key(shared_emulator(), after);
  new_key.connect();
}

TEST_CASE("W133 the secondary key is as good as the primary") {
  ServiceClient service(shared_emulator());
  service.create("w133-d");
  const auto keys = service.must("GET", "/devices/w133-d").at("authentication").at("symmetricKey");
  MqttLink link(shared_emulator(), {"w133-d", {}, keys.at("secondaryKey").get<std::string>()});
  link.connect();
}

TEST_CASE("W134 malformed JSON in a reported patch is answered 400 with the service's error object") {
  ServiceClient service(shared_emulator());
  MqttLink link(shared_emulator(), service.create("w134-d"));
  link.connect();
  link.exchange(R"(82 [0001 "$iothub/twin/res/#" 00])", "90 03 0001 00");
  for (const std::string_view body : {"{", "[1]", "7", "", R"({"a.b":1})"}) {
    CAPTURE(body);
    link.names()["body"] = body;
    link.send(R"(30 ["$iothub/twin/PATCH/properties/reported/?$rid=5" '{body}'])");
    const Published answer = link.read_publish();
    CHECK(answer.topic == "$iothub/twin/res/400/?$rid=5");
    const auto error = nlohmann::json::parse(answer.payload);
    CHECK(error.size() == 4);
    CHECK(error.at("errorCode") == 400004);
    CHECK(error.at("message").is_string());
    CHECK(std::regex_match(
        error.at("trackingId").get<std::string>(),
        std::regex(R"([0-9A-F]{32}-G:\d+-TimeStamp:\d\d/\d\d/\d{4} \d\d:\d\d:\d\d)", std::regex::icase)));
    CHECK(std::regex_match(error.at("timestampUtc").get<std::string>(),
                           std::regex(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z)")));
  }
  link.expect_alive();
  CHECK(service.twin({"w134-d", {}, {}}).at("properties").at("reported").at("$version") == 1);
}

TEST_CASE("W135 a reported patch of a client that names no api-version is answered 400") {
  ServiceClient service(shared_emulator());
  MqttLink link(shared_emulator(), service.create("w135-d"));
  link.names()["user"] = "localhost/w135-d";
  link.connect();
  link.exchange(R"(82 [0001 "$iothub/twin/res/#" 00])", "90 03 0001 00");
  link.send(R"(30 ["$iothub/twin/PATCH/properties/reported/?$rid=5" '{"a":1}'])");
  CHECK(link.read_publish().topic == "$iothub/twin/res/400/?$rid=5");
}

TEST_CASE("W136 a desired patch is pushed with its version, in topic and body") {
  ServiceClient service(shared_emulator());
  const Login device = service.create("w136-d");
  MqttLink link(shared_emulator(), device);
  link.connect();
  link.exchange(R"(82 [0001 "$iothub/twin/PATCH/properties/desired/#" 00])", "90 03 0001 00");
  service.patch_desired(device, R"({"color":"red"})");
  link.expect(R"(30 ["$iothub/twin/PATCH/properties/desired/?$version=2" '{"color":"red","$version":2}'])");
  service.patch_desired(device, R"({"color":null,"size":{"x":1}})");
  link.expect(R"(30 ["$iothub/twin/PATCH/properties/desired/?$version=3"
                     '{"color":null,"size":{"x":1},"$version":3}'])");
  service.must("PATCH", "/twins/w136-d", R"({"tags":{"floor":1}})");
  link.expect_alive();  // tags are none of the device's business
}

TEST_CASE("W137 desired patches of QoS 1 carry packet ids, and wait for no PUBACK") {
  ServiceClient service(shared_emulator());
  const Login module = (service.create("w137-d"), service.create("w137-d", "m"));
  MqttLink link(shared_emulator(), module);
  link.connect();
  link.exchange(R"(82 [0001 "$iothub/twin/PATCH/properties/desired/#" 01])", "90 03 0001 01");
  service.patch_desired(module, R"({"n":1})");
  service.patch_desired(module, R"({"n":2})");
  link.expect(R"(32 ["$iothub/twin/PATCH/properties/desired/?$version=2" 0001 '{"n":1,"$version":2}'])");
  link.expect(R"(32 ["$iothub/twin/PATCH/properties/desired/?$version=3" 0002 '{"n":2,"$version":3}'])");
  link.send("40 02 0001 40 02 0002");
  link.expect_alive();
}

TEST_CASE("W138 a desired patch without a subscription is not pushed, and the twin has it") {
  ServiceClient service(shared_emulator());
  const Login device = service.create("w138-d");
  MqttLink link(shared_emulator(), device);
  link.connect();
  service.patch_desired(device, R"({"n":1})");
  link.exchange(R"(82 [0001 "$iothub/twin/res/#" 00] 30 ["$iothub/twin/GET/?$rid=1" ' '])",
                R"(90 03 0001 00
                   30 ["$iothub/twin/res/200/?$rid=1"
                       '{"desired":{"n":1,"$version":2},"reported":{"$version":1}}'])");
}

TEST_CASE("W139 acknowledged telemetry is stored with its properties") {
  ServiceClient service(shared_emulator());
  const Login module = (service.create("w139-d"), service.create("w139-d", "m"));
  MqttLink link(shared_emulator(), module);
  link.connect();
  link.exchange(R"(32 ["devices/{d}/modules/{m}/messages/events/%24.mid=m%2F1&%24.on=out&z=%C3%A9&a=1&b" 0001
                       '{"t":21.5}' 00 ff])",
                "40 02 0001");
  const auto events = stored_events(shared_database(), "w139-d");
  REQUIRE(events.size() == 1);
  CHECK(events[0].module == "m");
  CHECK(nlohmann::json::parse(events[0].system_properties) ==
        nlohmann::json::parse(R"({"message-id":"m/1","output-name":"out"})"));
  CHECK(nlohmann::json::parse(events[0].properties) ==
        nlohmann::json::parse("[[\"z\",\"\xc3\xa9\"],[\"a\",\"1\"],[\"b\",\"\"]]"));
  CHECK(events[0].body == std::string("{\"t\":21.5}\0\xff", 12));
}

TEST_CASE("W140 telemetry of 256 KiB is taken, and one byte more ends the link") {
  ServiceClient service(shared_emulator());
  MqttLink link(shared_emulator(), service.create("w140-d"));
  link.connect();
  constexpr std::size_t kLargest = 256 * 1024;
  link.names()["body"] = std::string(kLargest, 'x');
  link.exchange(R"(32 ["devices/{d}/messages/events/" 0001 '{body}'])", "40 02 0001");
  link.names()["body"] += 'x';
  link.send(R"(32 ["devices/{d}/messages/events/" 0002 '{body}'])");
  link.expect_closed();
  const auto events = stored_events(shared_database(), "w140-d");
  REQUIRE(events.size() == 1);
  CHECK(events[0].body.size() == kLargest);
}

TEST_CASE("W141 a link shows in the registry as long as it lives") {
  ServiceClient service(shared_emulator());
  MqttLink link(shared_emulator(), service.create("w141-d"));
  CHECK(service.connection_state("w141-d") == "Disconnected");
  link.connect();
  CHECK(service.connection_state("w141-d") == "Connected");
  link.send("e0 00");
  link.expect_closed();
  CHECK(service.connection_state("w141-d") == "Disconnected");
}

TEST_CASE("W142 two modules of one device are apart, and apart from it") {
  ServiceClient service(shared_emulator());
  const Login device = service.create("w142-d");
  const Login first = service.create("w142-d", "m1");
  const Login second = service.create("w142-d", "m2");
  MqttLink of_device(shared_emulator(), device);
  MqttLink of_first(shared_emulator(), first);
  MqttLink of_second(shared_emulator(), second);
  for (MqttLink* link : {&of_device, &of_first, &of_second}) {
    link->connect();
    link->exchange(R"(82 [0001 "$iothub/twin/PATCH/properties/desired/#" 00])", "90 03 0001 00");
  }
  service.patch_desired(first, R"({"n":1})");
  of_first.expect(R"(30 ["$iothub/twin/PATCH/properties/desired/?$version=2" '{"n":1,"$version":2}'])");
  for (MqttLink* link : {&of_device, &of_first, &of_second}) link->expect_alive();
  of_first.client().drop();
  of_device.expect_alive();
  of_second.expect_alive();
}

}  // namespace iothub::test
