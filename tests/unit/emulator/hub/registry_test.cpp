#include "emulator/hub/registry.h"

#include <doctest/doctest.h>

#include "emulator/hub/identity_json.h"
#include "emulator/hub/twin_json.h"
#include "protocol/text/base64.h"
#include "tests/unit/support/test_hub.h"

using namespace iothub;
using hub::ErrorCode;
using hub::IfMatch;
using hub::Json;

namespace {

class RecordingLink final : public hub::DeviceLink {
 public:
  void desired_changed(const hub::DesiredChange& change) override { payloads.push_back(change.payload); }
  bool invoke_method(const hub::MethodRequest&) override { return false; }
  void close(hub::LinkEnd end) override { ends.push_back(end); }
  std::vector<std::string> payloads;
  std::vector<hub::LinkEnd> ends;
};

struct Fixture : test::TestHub {
  hub::Registry& registry() { return hub.registry(); }
  ErrorCode refusal(const hub::Identity& identity, const char* body, const IfMatch& if_match = IfMatch::none()) {
    const auto write = hub::identity_from_json(Json::parse(body), identity);
    if (!write) return write.error().code;
    const auto result = registry().put(identity, *write, if_match);
    return result ? ErrorCode{} : result.error().code;
  }
  hub::IdentityView put(const hub::Identity& identity, const char* body, const IfMatch& if_match = IfMatch::none()) {
    return registry().put(identity, hub::identity_from_json(Json::parse(body), identity).value(), if_match).value();
  }
};

const hub::Identity kDevice{{"d"}};
const hub::Identity kModule{{"d"}, {"m"}};
constexpr const char* kKeys =
    R"({"authentication":{"symmetricKey":{"primaryKey":"AAAAAAAAAAAAAAAAAAAAAA==","secondaryKey":"AAAAAAAAAAAAAAAAAAAAAA=="}}})";

}  // namespace

TEST_CASE_FIXTURE(Fixture, "creating a device generates two keys of 32 bytes and writes never without a zone") {
  const auto view = put(kDevice, R"({"deviceId":"d"})");
  CHECK(text::base64_decode(*view.row.primary_key)->size() == 32);
  CHECK(view.row.primary_key != view.row.secondary_key);
  const Json json = hub::device_to_json(view);
  CHECK(json["connectionStateUpdatedTime"] == "0001-01-01T00:00:00");
  CHECK(json["generationId"] == std::to_string(clock.now().ticks));
  const Json read = hub::device_to_json(registry().get(kDevice).value());
  CHECK(read["connectionStateUpdatedTime"] == "0001-01-01T00:00:00Z");
  std::string order;
  for (const auto& [name, value] : read.items()) order += name + " ";
  CHECK(order ==
        "deviceId generationId etag connectionState status statusReason connectionStateUpdatedTime statusUpdatedTime "
        "lastActivityTime cloudToDeviceMessageCount authentication capabilities ");
}

TEST_CASE_FIXTURE(Fixture, "empty and absent keys mean generate, given keys are kept, one key alone is refused") {
  CHECK(put(kDevice, R"({"authentication":{"symmetricKey":{"primaryKey":"","secondaryKey":""},"type":"sas"}})")
            .row.primary_key);
  CHECK(put({{"e"}}, R"({"authentication":{"symmetricKey":{}}})").row.primary_key);
  CHECK(put({{"f"}}, kKeys).row.primary_key == "AAAAAAAAAAAAAAAAAAAAAA==");
  CHECK(refusal({{"g"}}, R"({"authentication":{"symmetricKey":{"primaryKey":"AAAAAAAAAAAAAAAAAAAAAA=="}}})") ==
        ErrorCode::ArgumentInvalid);
  CHECK(refusal({{"g"}}, R"({"authentication":{"symmetricKey":{"primaryKey":"AAAA","secondaryKey":"AAAA"}}})") ==
        ErrorCode::ArgumentInvalid);
}

TEST_CASE_FIXTURE(Fixture, "a twin's first time is its device's generation to the tick (recorded)") {
  for (const char* id : {"a", "b"}) {  // the second has a later tick than the clock
    const auto view = put({{id}}, "{}");
    const Json twin = hub::twin_to_json(hub.twins().get({{id}}).value());
    const std::string time = text::iso_time({std::stoll(view.row.generation_id)});
    CHECK(twin.at("properties").at("desired").at("$metadata").at("$lastUpdated") == time);
    CHECK(twin.at("properties").at("reported").at("$metadata").at("$lastUpdated") == time);
  }
}

TEST_CASE_FIXTURE(Fixture, "an update without keys makes new ones (probed)") {
  const auto first = put(kDevice, "{}");
  CHECK(put(kDevice, "{}", IfMatch::any()).row.primary_key != first.row.primary_key);
}

TEST_CASE_FIXTURE(Fixture, "without If-Match a PUT only creates; with it, it only updates") {
  CHECK(refusal(kDevice, "{}", IfMatch::any()) == ErrorCode::DeviceNotFound);
  const auto created = put(kDevice, "{}");
  CHECK(refusal(kDevice, "{}") == ErrorCode::DeviceAlreadyExists);
  CHECK(refusal(kDevice, "{}", IfMatch::parse("\"\"")) == ErrorCode::DeviceAlreadyExists);
  const std::string etag = hub::identity_etag(created.row.etag);
  const auto updated = put(kDevice, kKeys, IfMatch::parse("\"" + etag + "\""));
  CHECK(updated.row.etag == created.row.etag + 1);
  const auto stale = registry().put(kDevice, {}, IfMatch::parse(etag));
  REQUIRE_FALSE(stale);
  CHECK(stale.error().code == ErrorCode::PreconditionFailed);
  CHECK(stale.error().message ==
        "Precondition failed: Device version did not match, existingVersion:" + std::to_string(updated.row.etag) +
            " newVersion:" + std::to_string(created.row.etag));
}

TEST_CASE_FIXTURE(Fixture, "deleting needs If-Match and removes modules, twins and sessions") {
  put(kDevice, "{}");
  put(kModule, "{}");
  hub.sessions().save(kDevice, "state");
  CHECK(registry().remove(kDevice, IfMatch::none()).error().code == ErrorCode::PreconditionFailed);
  CHECK(registry().remove(kDevice, IfMatch::any()));
  CHECK(registry().remove(kDevice, IfMatch::any()).error().code == ErrorCode::DeviceNotFound);
  CHECK(hub.twins().get(kDevice).error().code == ErrorCode::DeviceNotFound);
  CHECK(hub.twins().get(kModule).error().code == ErrorCode::DeviceNotFound);
  put(kDevice, "{}");
  CHECK(registry().get(kModule).error().code == ErrorCode::ModuleNotFound);
  CHECK_FALSE(hub.sessions().load(kDevice));
}

TEST_CASE_FIXTURE(Fixture, "ids are case-sensitive and of the service's characters") {
  put(kDevice, "{}");
  CHECK(registry().get({{"D"}}).error().code == ErrorCode::DeviceNotFound);
  CHECK(put({{"D"}}, "{}").row.device_id == "D");
  CHECK(put({{"a-:.+%_#*?!(),=@;$'9"}}, "{}").row.device_id == "a-:.+%_#*?!(),=@;$'9");
  CHECK(put({{std::string(128, 'x')}}, "{}").row.enabled);
  CHECK(refusal({{std::string(129, 'x')}}, "{}") == ErrorCode::ArgumentInvalid);
  CHECK(refusal({{"a b"}}, "{}") == ErrorCode::ArgumentInvalid);
  CHECK(refusal({{"d"}}, R"({"deviceId":"other"})") == ErrorCode::ArgumentInvalid);
  CHECK(refusal({{"d"}, {"$own"}}, "{}") == ErrorCode::ArgumentInvalid);
}

TEST_CASE_FIXTURE(Fixture, "modules of a missing or disabled device answer 401 (probed)") {
  CHECK(refusal(kModule, "{}") == ErrorCode::IotHubUnauthorizedAccess);
  CHECK(registry().get(kModule).error().code == ErrorCode::IotHubUnauthorizedAccess);
  CHECK(registry().modules({"d"}).error().code == ErrorCode::IotHubUnauthorizedAccess);
  put(kDevice, "{}");
  put(kModule, "{}");
  CHECK(refusal(kModule, "{}") == ErrorCode::ModuleAlreadyExistsOnDevice);
  put(kDevice, R"({"status":"disabled"})", IfMatch::any());
  CHECK(registry().get(kModule).error().code == ErrorCode::IotHubUnauthorizedAccess);
}

TEST_CASE_FIXTURE(Fixture, "a device has at most 50 modules") {
  put(kDevice, "{}");
  for (int i = 0; i < 50; ++i) put({{"d"}, {"m" + std::to_string(i)}}, "{}");
  CHECK(refusal({{"d"}, {"one-more"}}, "{}") == ErrorCode::TooManyModulesOnDevice);
}

TEST_CASE_FIXTURE(Fixture, "disabling or deleting a device drops its links and its modules' links") {
  put(kDevice, "{}");
  put(kModule, "{}");
  RecordingLink device, module, again;
  auto first = hub.links().attach(kDevice, device);
  auto second = hub.links().attach(kModule, module);
  put(kDevice, R"({"status":"DISABLED"})", IfMatch::any());
  CHECK(device.ends == std::vector{hub::LinkEnd::disabled});
  CHECK(module.ends == std::vector{hub::LinkEnd::disabled});
  put(kDevice, "{}", IfMatch::any());
  auto third = hub.links().attach(kDevice, again);
  CHECK(registry().remove(kDevice, IfMatch::any()));
  CHECK(again.ends == std::vector{hub::LinkEnd::deleted});
  CHECK(device.ends.size() == 1);
}

TEST_CASE_FIXTURE(Fixture, "statusUpdatedTime moves with the status only (recorded)") {
  put(kDevice, "{}");
  CHECK(put(kDevice, R"({"statusReason":"x"})", IfMatch::any()).row.status_updated_time == 0);
  CHECK(put(kDevice, R"({"status":"disabled"})", IfMatch::any()).row.status_updated_time == clock.now().ticks);
}

TEST_CASE_FIXTURE(Fixture, "thumbprints are hex of SHA-1 or SHA-256 length; none is no authentication for a device") {
  CHECK(refusal(kDevice, R"({"authentication":{"type":"selfSigned","x509Thumbprint":{"primaryThumbprint":"zz"}}})") ==
        ErrorCode::ArgumentInvalid);
  CHECK(refusal(kDevice, R"({"authentication":{"type":"none"}})") == ErrorCode::ArgumentInvalid);
  CHECK(refusal(kDevice, R"({"authentication":{"type":"whatever"}})") == ErrorCode::ArgumentInvalid);
  // Recorded: whoever is to be known by thumbprints has no keys, though he brings no thumbprint.
  const auto view = put(kDevice, R"({"authentication":{"type":"selfSigned"}})");
  CHECK(view.row.authentication_type == "selfSigned");
  CHECK_FALSE(view.row.primary_key);
  const auto named = put(
      kDevice,
      R"({"authentication":{"type":"selfSigned","x509Thumbprint":{"primaryThumbprint":"0123456789012345678901234567890123456789"}}})",
      IfMatch::any());
  CHECK(named.row.primary_thumbprint->size() == 40);
  CHECK_FALSE(named.row.primary_key);
  CHECK(put(kModule, R"({"authentication":{"type":"none"}})").row.authentication_type == "sas");
}

TEST_CASE_FIXTURE(Fixture, "an edge device gets its scope and the two system modules") {
  const auto view = put(kDevice, R"({"capabilities":{"iotEdge":true},"deviceScope":"ignored"})");
  CHECK(view.row.device_scope == "ms-azure-iot-edge://d-" + view.row.generation_id);
  const auto modules = registry().modules({"d"}).value();
  REQUIRE(modules.size() == 2);
  CHECK(modules[0].row.managed_by == "iotEdge");
  CHECK(modules[0].row.authentication_type == "none");
  CHECK(registry().get({{"d"}, {"$edgeAgent"}}));
  CHECK(registry().get({{"d"}, {"$edgeHub"}}));
}

TEST_CASE_FIXTURE(Fixture, "an edge device that stays one says its scope again, and may become a leaf without") {
  const std::string scope = *put(kDevice, R"({"capabilities":{"iotEdge":true}})").row.device_scope;
  CHECK(refusal(kDevice, R"({"capabilities":{"iotEdge":true}})", IfMatch::any()) == ErrorCode::ArgumentInvalid);
  CHECK(refusal(kDevice, R"({"capabilities":{"iotEdge":true},"deviceScope":"other"})", IfMatch::any()) ==
        ErrorCode::ArgumentInvalid);
  const std::string again = R"({"capabilities":{"iotEdge":true},"deviceScope":")" + scope + R"("})";
  CHECK(put(kDevice, again.c_str(), IfMatch::any()).row.device_scope == scope);
  CHECK_FALSE(put(kDevice, "{}", IfMatch::any()).row.iot_edge);
}

TEST_CASE_FIXTURE(Fixture, "a list is newest first and at most what is asked for") {
  for (const char* id : {"a", "b", "c"}) put({{id}}, "{}");
  const auto all = registry().devices(std::nullopt);
  REQUIRE(all.size() == 3);
  CHECK(all[0].row.device_id == "c");
  CHECK(registry().devices(2).size() == 2);
  CHECK(registry().devices(0).size() == 3);
  CHECK(registry().devices(1001).size() == 3);
}

TEST_CASE_FIXTURE(Fixture,
                  "a newer link of the same identity closes the older at once, whose detaching changes nothing") {
  put(kDevice, "{}");
  RecordingLink older, newer;
  auto first = hub.links().attach(kDevice, older);
  auto second = hub.links().attach(kDevice, newer);
  CHECK(older.ends == std::vector{hub::LinkEnd::taken_over});
  first.detach();
  CHECK(hub.links().find(kDevice) == &newer);
  CHECK(registry().get(kDevice)->link.connected);
  clock.advance(5);
  second.detach();
  CHECK_FALSE(registry().get(kDevice)->link.connected);
  CHECK(registry().get(kDevice)->link.connection_state_updated == clock.now());
  CHECK(hub.links().connected_device_count() == 0);
}

TEST_CASE_FIXTURE(Fixture, "connection times reach the store within seconds") {
  put(kDevice, "{}");
  RecordingLink link;
  auto attachment = hub.links().attach(kDevice, link);
  scheduler.advance(std::chrono::seconds(6));
  CHECK(store->identity("d", "")->connection_state_updated_time == clock.now().ticks);
  CHECK_FALSE(hub.links().has_activity_to_flush());
}

TEST_CASE_FIXTURE(Fixture, "what a failed commit dropped is not there any more") {
  put(kDevice, "{}");
  REQUIRE(hub.commit());
  put({{"lost"}}, "{}");
  hub.roll_back();
  CHECK(registry().get(kDevice));
  CHECK(registry().get({{"lost"}}).error().code == ErrorCode::DeviceNotFound);
}
