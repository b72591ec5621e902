#include "emulator/hub/auth.h"

#include <doctest/doctest.h>

#include "tests/unit/support/sas.h"
#include "tests/unit/support/test_hub.h"

using namespace iothub;
using hub::Rights;
using test::sas_token;

namespace {

struct Fixture : test::TestHub {
  std::int64_t in(std::int64_t seconds) { return clock.now().unix_seconds() + seconds; }
  std::string policy_token(const std::string& name, const std::string& resource = "localhost",
                           std::int64_t seconds = 3600) {
    return sas_token(resource, hub.auth().policy(name)->primary_key, in(seconds), name);
  }
  /// The reason of the refusal, or "accepted".
  std::string service(const std::string& token, Rights needed = Rights::registry_read,
                      const char* endpoint = "/devices/d") {
    const auto result = hub.auth().authorize_service(token, endpoint, needed);
    return result ? "accepted" : result.error().reason;
  }
  std::string device(const hub::Identity& identity, const std::string& token) {
    const auto result = hub.auth().authenticate_device(identity, {token, nullptr});
    return result ? "accepted" : result.error().reason;
  }
};

bool has(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE_FIXTURE(Fixture,
                  "the five default policies have the service's rights and keys that are the same everywhere") {
  CHECK(hub.auth().policies().size() == 5);
  CHECK(hub.auth().policy("iothubowner")->primary_key == "aW90aHVib3duZXItcHJpbWFyeS1rZXktMDAwMDAwMDA=");
  CHECK(to_string(hub.auth().policy("iothubowner")->rights) == "RegistryWrite, ServiceConnect, DeviceConnect");
  CHECK(to_string(hub.auth().policy("service")->rights) == "ServiceConnect");
  CHECK(to_string(hub.auth().policy("device")->rights) == "DeviceConnect");
  CHECK(to_string(hub.auth().policy("registryRead")->rights) == "RegistryRead");
  CHECK(to_string(hub.auth().policy("registryReadWrite")->rights) == "RegistryWrite");
}

TEST_CASE_FIXTURE(Fixture, "a service token opens what its policy allows and nothing else") {
  CHECK(service(policy_token("registryRead")) == "accepted");
  CHECK(has(service(policy_token("registryRead"), Rights::registry_write), "this needs RegistryWrite"));
  CHECK(service(policy_token("registryReadWrite"), Rights::registry_write) == "accepted");
  CHECK(service(policy_token("registryReadWrite"), Rights::registry_read) == "accepted");
  CHECK(has(service(policy_token("registryReadWrite"), Rights::service_connect), "this needs ServiceConnect"));
  CHECK(has(service(policy_token("device")), "gives DeviceConnect"));
}

TEST_CASE_FIXTURE(Fixture, "either key of a policy signs") {
  const hub::Policy& policy = *hub.auth().policy("service");
  CHECK(service(sas_token("localhost", policy.secondary_key, in(60), "service"), Rights::service_connect) ==
        "accepted");
  CHECK(service(sas_token("localhost", policy.secondary_key, in(60), "SERVICE"), Rights::service_connect) ==
        "accepted");
  CHECK(has(service(sas_token("localhost", policy.primary_key, in(60), "iothubowner")), "fits neither key"));
  CHECK(has(service(sas_token("localhost", policy.primary_key, in(60), "nobody")), "no policy 'nobody'"));
  CHECK(has(service(sas_token("localhost", policy.primary_key, in(60))), "names no policy"));
}

TEST_CASE_FIXTURE(Fixture, "a token is accepted until five minutes past its expiry") {
  CHECK(service(policy_token("iothubowner", "localhost", -300)) == "accepted");
  CHECK(has(service(policy_token("iothubowner", "localhost", -301)), "expired 301 s ago"));
}

TEST_CASE_FIXTURE(Fixture,
                  "a token may name the hub by any of its names or by a loopback address, with or without a port") {
  for (const char* host : {"localhost", "LOCALHOST", "localhost%3A8443", "127.0.0.1", "127.0.0.7%3A443",
                           "%5B%3A%3A1%5D%3A443", "https%3A%2F%2Flocalhost"}) {
    CAPTURE(host);
    CHECK(service(policy_token("iothubowner", host)) == "accepted");
  }
  CHECK(has(service(policy_token("iothubowner", "myhub.azure-devices.net")), "not this hub"));
}

TEST_CASE_FIXTURE(Fixture, "a token's resource covers the endpoint segment by segment") {
  CHECK(service(policy_token("iothubowner", "localhost%2Fdevices%2Fd")) == "accepted");
  CHECK(service(policy_token("iothubowner", "localhost%2FDEVICES")) == "accepted");
  CHECK(has(service(policy_token("iothubowner", "localhost%2Fdevices%2FD")), "does not cover"));
  CHECK(has(service(policy_token("iothubowner", "localhost%2Fdevices%2Fd%2Fmodules%2Fm")), "does not cover"));
  CHECK(has(service(policy_token("iothubowner", "localhost%2Fdev")), "does not cover"));
}

TEST_CASE_FIXTURE(Fixture, "a device proves itself with its own keys, for its own resource") {
  const auto row = create("d").row;
  create("other");
  const std::string resource = "localhost%2Fdevices%2Fd";
  CHECK(device({{"d"}}, sas_token(resource, *row.primary_key, in(60))) == "accepted");
  CHECK(device({{"d"}}, sas_token(resource, *row.secondary_key, in(60))) == "accepted");
  CHECK(has(device({{"other"}}, sas_token(resource, *row.primary_key, in(60))), "fits neither key of 'other'"));
  CHECK(has(device({{"d"}}, sas_token("localhost%2Fdevices%2Fother", *row.primary_key, in(60))), "does not cover 'd'"));
  CHECK(has(device({{"D"}}, sas_token(resource, *row.primary_key, in(60))), "not registered"));
  CHECK(has(device({{"d"}}, sas_token(resource, *row.primary_key, in(-301))), "expired"));
  CHECK(has(device({{"d"}}, ""), "neither a SAS token nor"));
}

// @azure/event-hubs 6.0.4 signs `ConsumerGroups`, azure-eventhub 5.15.1 `consumergroups`.
TEST_CASE_FIXTURE(Fixture, "a token for a partition covers it however its address is written") {
  const char* partition = "hub/consumergroups/$default/partitions/0";
  const auto read = [&](const std::string& resource) {
    return service(policy_token("service", "sb%3A%2F%2Flocalhost%2F" + resource), Rights::service_connect, partition);
  };
  CHECK(read("hub%2FConsumerGroups%2F%24Default%2FPartitions%2F0") == "accepted");
  CHECK(read("hub%2Fconsumergroups%2F%24Default") == "accepted");
  CHECK(has(read("hub%2FConsumerGroups%2F%24Default%2FPartitions%2F1"), "does not cover"));
  CHECK(has(service(policy_token("service", "localhost%2Fdevices%2FD"), Rights::service_connect), "does not cover"));
}

TEST_CASE_FIXTURE(Fixture, "a module has keys of its own and goes down with its device") {
  const auto device_row = create("d").row;
  const auto row = create("d", "m").row;
  const hub::Identity module{{"d"}, {"m"}};
  const std::string token = sas_token("localhost%2Fdevices%2Fd%2Fmodules%2Fm", *row.primary_key, in(60));
  CHECK(device(module, token) == "accepted");
  CHECK(has(device(module, sas_token("localhost%2Fdevices%2Fd", *device_row.primary_key, in(60))), "fits neither key"));
  hub::IdentityWrite disabled;
  disabled.enabled = false;
  REQUIRE(hub.registry().put({{"d"}}, disabled, hub::IfMatch::any()));
  CHECK(has(device(module, token), "device 'd' is disabled"));
}

TEST_CASE_FIXTURE(Fixture, "a policy with DeviceConnect speaks for any device") {
  create("d");
  CHECK(device({{"d"}}, policy_token("device")) == "accepted");
  CHECK(device({{"d"}}, policy_token("device", "localhost%2Fdevices")) == "accepted");
  CHECK(has(device({{"d"}}, policy_token("service")), "this needs DeviceConnect"));
  const auto principal = hub.auth().authenticate_device({{"d"}}, {policy_token("device"), nullptr});
  CHECK(principal->auth_method == R"({"scope":"hub","type":"sas","issuer":"iothub","acceptingIpFilterRule":null})");
}

TEST_CASE_FIXTURE(Fixture, "a link may live ten minutes longer than its token") {
  const auto row = create("d").row;
  const std::string token = sas_token("localhost%2Fdevices%2Fd", *row.primary_key, in(60));
  const auto principal = hub.auth().authenticate_device({{"d"}}, {token, nullptr});
  REQUIRE(principal);
  CHECK(principal->link_ends->unix_seconds() == in(660));
  CHECK(principal->generation_id == row.generation_id);
}

TEST_CASE_FIXTURE(Fixture,
                  "a selfSigned device shows the certificate whose thumbprint is registered, SHA-1 or SHA-256") {
  const std::string sha1(40, 'A');
  const std::string sha256(64, 'b');
  hub::IdentityWrite write;
  write.authentication_type = "selfSigned";
  write.primary_thumbprint = sha1;
  write.secondary_thumbprint = sha256;
  REQUIRE(hub.registry().put({{"d"}}, write, hub::IfMatch::none()));
  const auto shown = [&](std::string first, std::string second) {
    const hub::ClientCertificate certificate{std::move(first), std::move(second), "anything"};
    return hub.auth().authenticate_device({{"d"}}, {{}, &certificate}).has_value();
  };
  CHECK(shown(std::string(40, 'a'), std::string(64, '0')));
  CHECK(shown(std::string(40, '0'), std::string(64, 'B')));
  CHECK_FALSE(shown(std::string(40, '0'), std::string(64, '0')));
}
