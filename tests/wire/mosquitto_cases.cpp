// The same hub through a client that was not written for it. Over TCP: libmosquitto's client has no WebSocket
// before 2.1.
#include <doctest/doctest.h>

#include <chrono>
#include <fstream>
#include <future>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/unit/support/certificates.h"
#include "tests/unit/support/temporary_folder.h"
#include "tests/wire/support/c2d_sender.h"
#include "tests/wire/support/event_tables.h"
#include "tests/wire/support/mosquitto_device.h"
#include "tests/wire/support/patience.h"
#include "tests/wire/support/service_client.h"
#include "tests/wire/support/shared_emulator.h"

namespace iothub::test {
namespace {

using nlohmann::json;

constexpr const char* kDesired = "$iothub/twin/PATCH/properties/desired/#";
constexpr const char* kTwinAnswers = "$iothub/twin/res/#";
constexpr const char* kMethods = "$iothub/methods/POST/#";

std::string patch(int version, int n) {
  const std::string number = std::to_string(version);
  return "$iothub/twin/PATCH/properties/desired/?$version=" + number + " {\"n\":" + std::to_string(n) +
         ",\"$version\":" + number + "}";
}

MosquittoDevice::Options keeping_its_session() {
  return {
      .clean_session = false, .protocol = MQTT_PROTOCOL_V311, .keep_alive = 60, .certificate_file = {}, .key_file = {}};
}

std::string devicebound(const Login& device) {
  return "devices/" + device.device + "/messages/devicebound/#";
}

std::int64_t waiting(ServiceClient& service, const Login& device) {
  return service.must("GET", "/devices/" + device.device).at("cloudToDeviceMessageCount").get<std::int64_t>();
}

/// Until the hub has settled all; each look is a whole request.
void await_settled(ServiceClient& service, const Login& device) {
  for (const Deadline deadline; waiting(service, device) != 0;) REQUIRE(!deadline.passed());
}

void await_disconnected(ServiceClient& service, const Login& device) {
  for (const Deadline deadline; service.connection_state(device.device) != "Disconnected";) {
    REQUIRE(!deadline.passed());
  }
}

}  // namespace

// ---- telemetry ------------------------------------------------------------------------------------------------------

TEST_CASE("libmosquitto has 1000 messages in flight, all acknowledged and stored in order") {
  constexpr int kMessages = 1000;
  ServiceClient service(shared_emulator());
  const Login device = service.create("mosquitto-flight-d");
  MosquittoDevice client(shared_emulator(), device);
  client.connect_accepted();
  std::vector<int> sent;
  for (int i = 0; i < kMessages; ++i) sent.push_back(client.publish(client.events(), std::to_string(i)));
  client.run_until([&] { return client.acknowledged.size() >= sent.size(); });
  CHECK(client.acknowledged == sent);
  const auto events = stored_events(shared_database(), device.device);
  REQUIRE(events.size() == std::size_t{kMessages});
  CHECK(events.front().body == "0");
  CHECK(events.back().body == std::to_string(kMessages - 1));
}

TEST_CASE("libmosquitto's messages of QoS 0 and 1 are stored in the order sent") {
  ServiceClient service(shared_emulator());
  const Login device = service.create("mosquitto-qos-d");
  MosquittoDevice client(shared_emulator(), device);
  client.connect_accepted();
  client.publish(client.events(), "first", 0);
  client.publish(client.events(), std::string("a\0b", 3), 1);
  client.publish(client.events(), "", 0);
  client.publish_acknowledged(client.events(), "last");
  std::vector<std::string> bodies;
  for (const StoredEvent& event : stored_events(shared_database(), device.device)) bodies.push_back(event.body);
  CHECK(bodies == std::vector<std::string>{"first", std::string("a\0b", 3), "", "last"});
}

TEST_CASE("libmosquitto's message of QoS 2 ends the link, and is not stored") {
  ServiceClient service(shared_emulator());
  const Login device = service.create("mosquitto-qos2-d");
  MosquittoDevice client(shared_emulator(), device);
  client.connect_accepted();
  client.publish(client.events(), "exactly once", 2);
  client.run_until([&] { return client.disconnected; });
  CHECK(stored_events(shared_database(), device.device).empty());
}

TEST_CASE("properties in libmosquitto's topic are stored as the service names them, encoded or not") {
  ServiceClient service(shared_emulator());
  const Login device = service.create("mosquitto-bag-d");
  MosquittoDevice client(shared_emulator(), device);
  client.connect_accepted();
  client.publish_acknowledged(client.events() + "%24.mid=m%2F1&%24.ct=application%2Fjson&%24.ce=utf-8&a%20key=v%26w",
                              "{}");
  client.publish_acknowledged(client.events() + "$.mid=m2&$.cid=c&plain=1&empty=&alone", "");
  const auto events = stored_events(shared_database(), device.device);
  REQUIRE(events.size() == 2);
  const json first = json::parse(events[0].system_properties);
  CHECK(first.dump().find("m/1") != std::string::npos);
  CHECK(first.dump().find("application/json") != std::string::npos);
  CHECK(json::parse(events[0].properties) == json::parse(R"([["a key","v&w"]])"));
  CHECK(json::parse(events[1].system_properties).dump().find("m2") != std::string::npos);
  CHECK(json::parse(events[1].properties) == json::parse(R"([["plain","1"],["empty",""],["alone",""]])"));
}

TEST_CASE("a message that libmosquitto asks to retain is marked so, and nothing is retained") {
  ServiceClient service(shared_emulator());
  const Login device = service.create("mosquitto-retain-d");
  MosquittoDevice client(shared_emulator(), device);
  client.connect_accepted();
  client.publish_acknowledged(client.events() + "a=1", "keep me", true);
  const auto events = stored_events(shared_database(), device.device);
  REQUIRE(events.size() == 1);
  CHECK(json::parse(events[0].properties) == json::parse(R"([["a","1"],["mqtt-retain","true"]])"));
  client.subscribe(devicebound(device));
  client.subscribe(kDesired);
  service.patch_desired(device, R"({"n":1})");
  client.run_until([&] { return !client.received.empty(); });
  CHECK(client.received == std::vector{patch(2, 1)});
  CHECK_FALSE(client.received_retained);
}

TEST_CASE("libmosquitto's will is stored when the network goes, and not after DISCONNECT") {
  ServiceClient service(shared_emulator());
  const Login device = service.create("mosquitto-will-d");
  MosquittoDevice client(shared_emulator(), device);
  client.set_will(client.events() + "reason=lost", "gone", true);
  client.connect_accepted();
  client.disconnect();
  await_disconnected(service, device);
  CHECK(stored_events(shared_database(), device.device).empty());
  client.connect_accepted();
  client.drop();
  await_disconnected(service, device);
  const auto wills = stored_events(shared_database(), device.device);
  REQUIRE(wills.size() == 1);
  CHECK(wills[0].body == "gone");
  CHECK(json::parse(wills[0].properties) ==
        json::parse(R"([["reason","lost"],["mqtt-retain","true"],["iothub-MessageType","Will"]])"));
}

// ---- cloud-to-device messages, methods, twins
// -------------------------------------------------------------------------

TEST_CASE("a cloud-to-device message reaches libmosquitto with its properties, and its PUBACK completes it") {
  ServiceClient service(shared_emulator());
  const Login device = service.create("mosquitto-c2d-d");
  C2dSender sender(shared_emulator(), service);
  MosquittoDevice client(shared_emulator(), device);
  client.connect_accepted();
  sender.send(device, {"m/1", "c&2", {{"a key", "v/w"}}, "waiting"});
  CHECK(waiting(service, device) == 1);
  client.subscribe(devicebound(device), 2);
  CHECK(client.granted == std::vector{1});
  client.run_until([&] { return client.received.size() == 1; });
  sender.send(device, {{}, {}, {}, std::string("\0\xFF", 2)});
  client.run_until([&] { return client.received.size() == 2; });
  const std::string prefix = "devices/" + device.device + "/messages/devicebound/";
  const std::string to = "%24.to=%2Fdevices%2F" + device.device + "%2Fmessages%2Fdevicebound";
  const std::string& first = client.received[0];
  CHECK(first.starts_with(prefix));
  CHECK(first.ends_with(" waiting"));
  for (const std::string& part :
       {std::string("%24.mid=m%2F1"), std::string("%24.cid=c%262"), to, std::string("a%20key=v%2Fw")}) {
    CHECK_MESSAGE(first.find(part) != std::string::npos, first);
  }
  CHECK(client.received[1] == prefix + to + " " + std::string("\0\xFF", 2));
  CHECK(client.received_qos == std::vector{1, 1});
  await_settled(service, device);
}

TEST_CASE("cloud-to-device messages wait for libmosquitto's session and come when it is back, in order") {
  ServiceClient service(shared_emulator());
  const Login device = service.create("mosquitto-c2d-wait-d");
  C2dSender sender(shared_emulator(), service);
  MosquittoDevice client(shared_emulator(), device, keeping_its_session());
  client.connect_accepted();
  client.subscribe(devicebound(device));
  client.drop();
  for (const char* body : {"1", "2", "3"}) sender.send(device, {{}, {}, {}, body});
  client.connect_accepted();
  client.run_until([&] { return client.received.size() == 3; });
  CHECK(client.received[0].ends_with(" 1"));
  CHECK(client.received[2].ends_with(" 3"));
  await_settled(service, device);
}

TEST_CASE("a cloud-to-device message to a subscription of QoS 0 is sent once and is done") {
  ServiceClient service(shared_emulator());
  const Login device = service.create("mosquitto-c2d-qos0-d");
  C2dSender sender(shared_emulator(), service);
  MosquittoDevice client(shared_emulator(), device);
  client.connect_accepted();
  client.subscribe(devicebound(device), 0);
  sender.send(device, {{}, {}, {}, "at most once"});
  client.run_until([&] { return !client.received.empty(); });
  CHECK(client.received_qos == std::vector{0});
  await_settled(service, device);
}

TEST_CASE("libmosquitto answers direct methods, of a device and of a module") {
  ServiceClient service(shared_emulator());
  const Login device = service.create("mosquitto-method-d");
  const Login module = service.create(device.device, "m");
  for (const Login& login : {device, module}) {
    MosquittoDevice client(shared_emulator(), login);
    client.connect_accepted();
    client.subscribe(kMethods);
    const std::string path =
        "/twins/" + login.device + (login.module.empty() ? "" : "/modules/" + login.module) + "/methods";
    auto answer = std::async(std::launch::async, [&] {
      ServiceClient caller(shared_emulator());
      return caller.must("POST", path, R"({"methodName":"re boot","payload":{"in":5},"responseTimeoutInSeconds":30})");
    });
    client.run_until([&] { return !client.received.empty(); });
    const std::string prefix = "$iothub/methods/POST/re%20boot/?$rid=";
    const std::string& request = client.received[0];
    REQUIRE_MESSAGE(request.starts_with(prefix), request);
    CHECK(request.ends_with(R"( {"in":5})"));
    const std::string rid = request.substr(prefix.size(), request.find(' ') - prefix.size());
    client.publish("$iothub/methods/res/210/?$rid=" + rid, R"({"n":null})", 0);
    client.run_until([&] { return answer.wait_for(std::chrono::seconds{0}) == std::future_status::ready; });
    CHECK(answer.get() == json::parse(R"({"status":210,"payload":{"n":null}})"));
  }
}

TEST_CASE("libmosquitto reads its twin and reports, of a device and of a module") {
  ServiceClient service(shared_emulator());
  const Login device = service.create("mosquitto-twin-d");
  const Login module = service.create(device.device, "m");
  for (const Login& login : {device, module}) {
    service.patch_desired(login, R"({"n":1})");
    MosquittoDevice client(shared_emulator(), login);
    client.connect_accepted();
    client.subscribe(kTwinAnswers);
    const auto answer = [&](const std::string& topic, const std::string& body) {
      client.received.clear();
      client.publish(topic, body, 0);
      client.run_until([&] { return !client.received.empty(); });
      return client.received[0];
    };
    CHECK(answer("$iothub/twin/GET/?$rid=1", "") ==
          R"($iothub/twin/res/200/?$rid=1 {"desired":{"n":1,"$version":2},"reported":{"$version":1}})");
    CHECK(answer("$iothub/twin/PATCH/properties/reported/?$rid=2", R"({"a":{"b":1}})") ==
          "$iothub/twin/res/204/?$rid=2&$version=2 ");
    CHECK(answer("$iothub/twin/PATCH/properties/reported/?$rid=3", "{").starts_with("$iothub/twin/res/400/?$rid=3 {"));
    CHECK(service.twin(login).at("properties").at("reported").at("a") == json{{"b", 1}});
  }
}

TEST_CASE("libmosquitto gets 50 desired patches in order, and after a reconnect without subscribing") {
  constexpr int kPatches = 50;
  ServiceClient service(shared_emulator());
  const Login device = service.create("mosquitto-patches-d");
  {
    MosquittoDevice client(shared_emulator(), device, keeping_its_session());
    client.connect_accepted();
    client.subscribe(kDesired, 1);
    CHECK(client.granted == std::vector{1});
    std::vector<std::string> wanted;
    for (int n = 1; n <= kPatches; ++n) {
      service.patch_desired(device, R"({"n":)" + std::to_string(n) + "}");
      wanted.push_back(patch(n + 1, n));
    }
    client.run_until([&] { return client.received.size() >= wanted.size(); });
    CHECK(client.received == wanted);
    client.disconnect();
  }
  MosquittoDevice client(shared_emulator(), device, keeping_its_session());
  client.connect_accepted();
  service.patch_desired(device, R"({"n":51})");
  client.run_until([&] { return !client.received.empty(); });
  CHECK(client.received == std::vector{patch(52, 51)});
}

TEST_CASE("with clean session 1 libmosquitto subscribes anew, and what it unsubscribes is still") {
  ServiceClient service(shared_emulator());
  const Login device = service.create("mosquitto-clean-d");
  MosquittoDevice client(shared_emulator(), device);
  client.connect_accepted();
  client.subscribe(kDesired, 0);
  client.disconnect();
  client.connect_accepted();
  service.patch_desired(device, R"({"n":1})");
  client.drain();
  CHECK(client.received.empty());
  client.subscribe(kDesired, 0);
  service.patch_desired(device, R"({"n":2})");
  client.run_until([&] { return !client.received.empty(); });
  client.unsubscribe(kDesired);
  service.patch_desired(device, R"({"n":3})");
  client.drain();
  CHECK(client.received == std::vector{patch(3, 2)});
}

TEST_CASE("a module on libmosquitto subscribes to its inputs, and its outputs are stored as the module's") {
  ServiceClient service(shared_emulator());
  const Login device = service.create("mosquitto-module-d");
  const Login module = service.create(device.device, "m");
  MosquittoDevice client(shared_emulator(), module);
  client.connect_accepted();
  client.subscribe("devices/" + device.device + "/modules/m/inputs/#");
  CHECK(client.granted == std::vector{1});
  client.publish_acknowledged(client.events() + "%24.on=output1&level=high", "out");
  const auto events = stored_events(shared_database(), device.device);
  REQUIRE(events.size() == 1);
  CHECK(events[0].module == "m");
  CHECK(events[0].body == "out");
  CHECK(json::parse(events[0].properties) == json::parse(R"([["level","high"]])"));
}

// ---- the link
// ---------------------------------------------------------------------------------------------------------

TEST_CASE("libmosquitto with a wrong key is told that it is not authorized") {
  ServiceClient service(shared_emulator());
  Login device = service.create("mosquitto-wrong-d");
  device.key = "YW5vdGhlciBrZXksIHdob2xseSB3cm9uZw==";
  MosquittoDevice client(shared_emulator(), device);
  client.connect();
  CHECK(client.connack == 5);
}

TEST_CASE("MQTT 3.1 and 5 are refused in their own words") {
  ServiceClient service(shared_emulator());
  const Login device = service.create("mosquitto-protocol-d");
  MosquittoDevice::Options old;
  old.protocol = MQTT_PROTOCOL_V31;
  MosquittoDevice v31(shared_emulator(), device, old);
  v31.connect();
  CHECK(v31.connack == 1);
  MosquittoDevice::Options next;
  next.protocol = MQTT_PROTOCOL_V5;
  MosquittoDevice v5(shared_emulator(), device, next);
  v5.connect();
  CHECK(v5.connack == 0x84);
}

TEST_CASE("a certificate that libmosquitto shows opens its device, and no other") {
  ServiceClient service(shared_emulator());
  const TemporaryFolder folder;
  const auto options_with = [&](const std::string& name, const TestCertificate& certificate) {
    MosquittoDevice::Options options;
    options.certificate_file = folder.path() / (name + ".pem");
    options.key_file = folder.path() / (name + ".key");
    std::ofstream(options.certificate_file) << certificate.pem();
    std::ofstream(options.key_file) << certificate.key_pem();
    return options;
  };
  const TestCertificate own("any name", false, unix_now() - 60, unix_now() + 3600);
  const TestCertificate another("any name", false, unix_now() - 60, unix_now() + 3600);
  const std::string device = "mosquitto-x509-d";
  const json thumbprints{{"primaryThumbprint", own.sha1_thumbprint()}, {"secondaryThumbprint", own.sha1_thumbprint()}};
  service.must(
      "PUT", "/devices/" + device,
      json{{"deviceId", device}, {"authentication", {{"type", "selfSigned"}, {"x509Thumbprint", thumbprints}}}}.dump());
  const Login login{device, {}, {}};
  MosquittoDevice good(shared_emulator(), login, options_with("own", own));
  good.connect_accepted();
  good.publish_acknowledged(good.events(), "by certificate");
  MosquittoDevice bad(shared_emulator(), login, options_with("another", another));
  bad.connect();
  CHECK(bad.connack == 5);
  CHECK(stored_events(shared_database(), device).size() == 1);
}

TEST_CASE("a newer libmosquitto of the same device takes over") {
  ServiceClient service(shared_emulator());
  const Login device = service.create("mosquitto-takeover-d");
  MosquittoDevice older(shared_emulator(), device, keeping_its_session());
  older.connect_accepted();
  older.subscribe(kDesired);
  MosquittoDevice newer(shared_emulator(), device, keeping_its_session());
  newer.connect_accepted();
  older.run_until([&] { return older.disconnected; });
  service.patch_desired(device, R"({"n":1})");
  newer.run_until([&] { return !newer.received.empty(); });
  CHECK(newer.received == std::vector{patch(2, 1)});
  CHECK(older.received.empty());
}

TEST_CASE("a topic that is not libmosquitto's own ends its link") {
  ServiceClient service(shared_emulator());
  const Login device = service.create("mosquitto-foreign-d");
  for (const std::string filter : {"devices/somebody-else/messages/devicebound/#", "#", "$SYS/#"}) {
    MosquittoDevice client(shared_emulator(), device);
    client.connect_accepted();
    client.subscribe(filter);
    CHECK_MESSAGE(client.disconnected, filter);
  }
  MosquittoDevice client(shared_emulator(), device);
  client.connect_accepted();
  client.publish("devices/somebody-else/messages/events/", "x");
  client.run_until([&] { return client.disconnected; });
  CHECK(stored_events(shared_database(), "somebody-else").empty());
}

TEST_CASE("libmosquitto's pings hold an idle link, and without them it ends") {
  ServiceClient service(shared_emulator());
  const Login idle = service.create("mosquitto-idle-d");
  const Login frozen = service.create("mosquitto-frozen-d");
  MosquittoDevice::Options options;
  options.keep_alive = 5;
  MosquittoDevice pinging(shared_emulator(), idle, options);
  MosquittoDevice silent(shared_emulator(), frozen, options);
  pinging.connect_accepted();
  silent.connect_accepted();
  pinging.run_for(std::chrono::milliseconds{7600});  // the hub's limit is 1.5 times the client's
  CHECK_FALSE(pinging.disconnected);
  await_disconnected(service, frozen);
  CHECK(service.connection_state(idle.device) == "Connected");
}

}  // namespace iothub::test
