#include <doctest/doctest.h>

#include "tests/unit/emulator/heads/rest/rest_client.h"

using namespace iothub;
using namespace iothub::test;

namespace {

constexpr std::string_view kPath = "/devices/d/messages/events";

/// A device `d` that speaks HTTP.
struct HttpDevice {
  HttpDevice() : HttpDevice(TestHub::options({"localhost"})) {}
  explicit HttpDevice(hub::HubOptions options) : client(std::move(options)) {
    key = client.hub.create("d").row.primary_key.value();
  }

  std::string token() {
    return sas_token("localhost%2Fdevices%2Fd", key, client.hub.clock.now().unix_seconds() + 3600);
  }
  RestAnswer send(std::string_view body, http::Headers headers = {}) {
    headers.push_back({"Authorization", token()});
    return client.request("POST", kPath, body, headers);
  }
  RestAnswer send_batch(std::string_view body) {
    return send(body, {{"Content-Type", "application/vnd.microsoft.iothub.json"}});
  }
  RestAnswer send_with_token(std::string_view token, std::string_view path = kPath) {
    return client.request("POST", path, "x", {{"Authorization", std::string(token)}});
  }
  std::vector<storage::EventRow> events() {
    return client.hub.store->events(client.hub.hub.events().partition_of({"d"}), 0, 100);
  }

  RestClient client;
  std::string key;
};

int code_in_form_b(const RestAnswer& answer) {
  CHECK(answer.json().at("ExceptionMessage") == "");
  return hub::Json::parse(answer.message()).at("errorCode").get<int>();
}

}  // namespace

TEST_CASE("telemetry over HTTP is answered with 204 and stands in the device's partition") {
  HttpDevice device;
  const RestAnswer answer = device.send("{\"t\":1}", {{"iothub-to", "/devices/d/messages/events"},
                                                      {"iothub-app-Level", "high"},
                                                      {"iothub-messageid", "m1"},
                                                      {"iothub-contenttype", "application/json"},
                                                      {"iothub-contentencoding", "utf-8"},
                                                      {"dt-subject", "thermostat"},
                                                      {"User-Agent", "sdk"}});
  CHECK(answer.status == 204);
  CHECK(answer.header("Content-Length") == "0");
  CHECK(answer.header("Content-Type") == "(none)");
  const auto events = device.events();
  REQUIRE(events.size() == 1);
  CHECK(events[0].body == "{\"t\":1}");
  CHECK(events[0].properties == R"([["Level","high"]])");
  CHECK(events[0].system_properties ==
        R"({"to":"/devices/d/messages/events","message-id":"m1","content-type":"application/json",)"
        R"("content-encoding":"utf-8"})");
  CHECK(events[0].annotations == R"({"dt-subject":"thermostat"})");
  CHECK(events[0].auth_method == R"({"scope":"device","type":"sas","issuer":"iothub","acceptingIpFilterRule":null})");
}

TEST_CASE("a batch is one event an entry, its bodies base64 unless it says otherwise") {
  HttpDevice device;
  CHECK(device
            .send_batch(R"([{"body":"aGVsbG8=","properties":{"iothub-app-n":"1","iothub-messageid":"m"}},)"
                        R"({"body":"plain","base64Encoded":false},{"body":"","base64Encoded":true,"properties":null}])")
            .status == 204);
  const auto events = device.events();
  REQUIRE(events.size() == 3);
  CHECK(events[0].body == "hello");
  CHECK(events[0].properties == R"([["n","1"]])");
  CHECK(events[0].system_properties == R"({"message-id":"m"})");
  CHECK(events[1].body == "plain");
  CHECK(events[2].body.empty());
}

TEST_CASE("a batch with one bad entry leaves nothing") {
  HttpDevice device;
  for (const std::string_view bad : {R"([{"body":"aGVsbG8="},{"body":"no base64"}])", R"([{"body":"aGVsbG8="},{}])",
                                     R"([{"body":"aGVsbG8="},{"body":"","properties":{"iothub-app-n":1}}])",
                                     R"({"body":"aGVsbG8="})", R"([{"body":"aGVsbG8="},)"}) {
    CAPTURE(bad);
    const RestAnswer answer = device.send_batch(bad);
    CHECK(answer.status == 400);
    CHECK(answer.header("iothub-errorcode") == "ArgumentInvalid");
    CHECK(code_in_form_b(answer) == 400004);
  }
  CHECK(device.events().empty());
}

TEST_CASE("over 256 KB a message and a batch are 413001") {
  HttpDevice device;
  CHECK(device.send(std::string(256 * 1024, 'x')).status == 204);
  const RestAnswer message = device.send(std::string(256 * 1024 + 1, 'x'));
  CHECK(message.status == 413);
  CHECK(message.header("iothub-errorcode") == "MessageTooLarge");
  CHECK(code_in_form_b(message) == 413001);
  const RestAnswer batch =
      device.send_batch(R"([{"base64Encoded":false,"body":")" + std::string(256 * 1024, 'x') + "\"}]");
  CHECK(batch.status == 413);
  CHECK(device.events().size() == 1);
}

TEST_CASE("a device's request is open to its key and to a policy with DeviceConnect") {
  HttpDevice device;
  CHECK(device.send_with_token(device.token()).status == 204);
  CHECK(device.send_with_token(device.client.token("device")).status == 204);
  CHECK(device.send_with_token(device.client.token("iothubowner")).status == 204);
  REQUIRE(device.events().size() == 3);
  CHECK(device.events()[1].auth_method.starts_with(R"({"scope":"hub")"));

  const RestAnswer service = device.send_with_token(device.client.token("service"));
  CHECK(service.status == 401);
  CHECK(service.header("iothub-errorcode") == "IotHubUnauthorizedAccess");
  CHECK(code_in_form_b(service) == 401002);
}

TEST_CASE("a device's request with a bad signature, an old token, another device's or none is 401") {
  HttpDevice device;
  const std::int64_t now = device.client.hub.clock.now().unix_seconds();
  device.client.hub.create("e");
  CHECK(device.send_with_token(sas_token("localhost%2Fdevices%2Fd", "b3RoZXIga2V5IG9mIDE2", now + 3600)).status == 401);
  CHECK(device.send_with_token(sas_token("localhost%2Fdevices%2Fd", device.key, now - 3600)).status == 401);
  CHECK(device.send_with_token(device.token(), "/devices/e/messages/events").status == 401);
  CHECK(device.send_with_token("").status == 401);
  CHECK(device.events().empty());
}

TEST_CASE("an unknown and a disabled device are 404 over HTTP, and so is a module") {
  HttpDevice device;
  const RestAnswer unknown = device.send_with_token(device.token(), "/devices/nobody/messages/events");
  CHECK(unknown.status == 404);
  CHECK(unknown.header("iothub-errorcode") == "DeviceNotFound");
  CHECK(code_in_form_b(unknown) == 404001);

  device.client.request("PUT", "/devices/d", R"({"deviceId":"d","status":"disabled"})", {{"If-Match", "*"}});
  CHECK(device.send_with_token(device.token()).status == 404);
  CHECK(device.send_with_token(device.client.token("device")).status == 404);

  device.client.hub.create("e");
  device.client.hub.create("e", "m");
  CHECK(device.send_with_token(device.client.token("device"), "/devices/e/modules/m/messages/events").status == 404);
}

TEST_CASE("a device's request is open to the certificate whose thumbprint is registered") {
  RestClient client;
  const std::string thumbprint(40, 'A');
  client.request("PUT", "/devices/x",
                 R"({"deviceId":"x","authentication":{"type":"selfSigned","x509Thumbprint":{"primaryThumbprint":")" +
                     thumbprint + R"(","secondaryThumbprint":")" + thumbprint + R"("}}})");
  const auto status_with = [&](std::optional<hub::ClientCertificate> certificate) {
    FakeOutbox outbox;
    heads::Peer peer{.connection_id = "c2", .remote_address = "127.0.0.1:50001"};
    peer.certificate = certificate;
    heads::rest::RestSession session{client.environment, peer, outbox};
    const std::string request =
        client.bytes("POST", "/devices/x/messages/events?api-version=2021-04-12", "x", {{"Authorization", ""}});
    session.receive(std::as_bytes(std::span(request)));
    return answers_in(outbox.take()).at(0).status;
  };
  CHECK(status_with(hub::ClientCertificate{thumbprint, std::string(64, 'B'), "x"}) == 204);
  CHECK(status_with(hub::ClientCertificate{std::string(40, 'C'), std::string(64, 'B'), "x"}) == 401);
  CHECK(status_with(std::nullopt) == 401);
}

// ---- faults that a device asks for (fault-injection.md) -------------------------------------------------------------

namespace {

struct FaultyDevice : HttpDevice {
  FaultyDevice() : HttpDevice(with_faults()) {}
  static hub::HubOptions with_faults() {
    hub::HubOptions options = TestHub::options({"localhost"});
    options.fault_injection = true;
    return options;
  }
  RestAnswer ask_for(std::string_view type) {
    return send("fault", {{"iothub-app-AzIoTHub_FaultOperationType", std::string(type)},
                          {"iothub-app-AzIoTHub_FaultOperationDelayInSecs", "1"},
                          {"iothub-app-AzIoTHub_FaultOperationDurationInSecs", "5"}});
  }
};

}  // namespace

TEST_CASE("a fault over HTTP refuses its own request, and what follows until its time has passed") {
  for (const auto& [type, status, name] : {std::tuple{"InvokeThrottling", 429, "ThrottlingException"},
                                           {"InvokeMaxMessageQuota", 403, "IotHubQuotaExceeded"},
                                           {"InvokeAuthError", 401, "IotHubUnauthorizedAccess"}}) {
    CAPTURE(type);
    FaultyDevice device;
    const RestAnswer asked = device.ask_for(type);
    CHECK(asked.status == status);
    CHECK(asked.header("iothub-errorcode") == name);
    CHECK(device.events().empty());
    if (status == 429) continue;  // its connection is closed
    device.client.hub.clock.advance(5);
    CHECK(device.send("x").status == status);
    device.client.hub.clock.advance(1);
    CHECK(device.send("x").status == 204);
    CHECK(device.events().size() == 1);
  }
}

TEST_CASE("a fault of another transport over HTTP is 400, and an ordinary hub takes it as telemetry") {
  FaultyDevice device;
  CHECK(device.ask_for("KillTcp").status == 400);
  CHECK(device.ask_for("KillEverything").status == 400);
  CHECK(device.events().empty());
  HttpDevice ordinary;
  CHECK(ordinary.send("x", {{"iothub-app-AzIoTHub_FaultOperationType", "InvokeThrottling"}}).status == 204);
  CHECK(ordinary.events().size() == 1);
}
