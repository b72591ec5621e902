#include "emulator/hub/device_cas.h"

#include <doctest/doctest.h>

#include <stdexcept>
#include <vector>

#include "tests/unit/support/certificates.h"
#include "tests/unit/support/test_hub.h"

using namespace iothub;
using namespace iothub::test;
using hub::DeviceCas;

namespace {

constexpr std::int64_t kNow = 1'800'000'000;
constexpr std::int64_t kDay = 86'400;

struct Chain {
  TestCertificate root{"root", true, kNow - kDay, kNow + 100 * kDay};
  TestCertificate intermediate{"intermediate", true, kNow - kDay, kNow + 50 * kDay, &root};
  TestCertificate direct{"d", false, kNow - kDay, kNow + kDay, &root};
  TestCertificate leaf{"d", false, kNow - kDay, kNow + kDay, &intermediate};
};

bool verifies(const std::vector<std::string>& cas, const std::vector<std::string>& chain, std::int64_t now = kNow) {
  return DeviceCas(cas).verify(chain, Timestamp::from_unix_seconds(now)).has_value();
}

}  // namespace

TEST_CASE("a certificate that a registered CA signed is good, also by way of intermediates that come along") {
  const Chain made;
  CHECK(verifies({made.root.pem()}, {made.direct.der()}));
  CHECK(verifies({made.root.pem()}, {made.leaf.der(), made.intermediate.der()}));
  CHECK_FALSE(verifies({made.root.pem()}, {made.leaf.der()}));
  CHECK(verifies({made.intermediate.pem()}, {made.leaf.der()}));
  CHECK(verifies({made.root.pem() + made.intermediate.pem()}, {made.leaf.der()}));
}

TEST_CASE("another CA of the same name, a certificate of its own and an end certificate as signer are refused") {
  const Chain made;
  const Chain other;
  CHECK_FALSE(verifies({other.root.pem()}, {made.direct.der()}));
  CHECK_FALSE(verifies({other.root.pem()}, {made.leaf.der(), made.intermediate.der(), made.root.der()}));
  const TestCertificate own("d", false, kNow - kDay, kNow + kDay);
  CHECK_FALSE(verifies({made.root.pem()}, {own.der()}));
  const TestCertificate forged("another", false, kNow - kDay, kNow + kDay, &made.direct);
  CHECK_FALSE(verifies({made.root.pem()}, {forged.der(), made.direct.der()}));
  CHECK_FALSE(verifies({}, {made.direct.der()}));
  CHECK_FALSE(verifies({made.root.pem()}, {"no certificate"}));
  CHECK_FALSE(verifies({made.root.pem()}, {}));
}

TEST_CASE("a certificate is good in its time only, and so are those above it") {
  const Chain made;
  CHECK_FALSE(verifies({made.root.pem()}, {made.direct.der()}, kNow + 2 * kDay));
  CHECK_FALSE(verifies({made.root.pem()}, {made.direct.der()}, kNow - 2 * kDay));
  const TestCertificate late("late", true, kNow - kDay, kNow + kDay);
  const TestCertificate below("d", false, kNow - kDay, kNow + 9 * kDay, &late);
  CHECK(verifies({late.pem()}, {below.der()}));
  CHECK_FALSE(verifies({late.pem()}, {below.der()}, kNow + 2 * kDay));
}

TEST_CASE("a file without a certificate, and one of no CA, are refused") {
  const Chain made;
  CHECK_THROWS_AS(DeviceCas({"text"}), std::invalid_argument);
  CHECK_THROWS_AS(DeviceCas({made.direct.pem()}), std::invalid_argument);
}

TEST_CASE("a file with a damaged certificate behind a good one is refused, not half taken") {
  const Chain made;
  CHECK_NOTHROW(DeviceCas({made.root.pem() + "a remark\n"}));
  CHECK_THROWS_AS(DeviceCas({made.root.pem() + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}),
                  std::invalid_argument);
}

TEST_CASE("a device of type certificateAuthority connects by a certificate with its own id as common name") {
  TestHub base;
  const std::int64_t now = base.clock.now().unix_seconds();
  const TestCertificate root("root", true, now - kDay, now + kDay);
  hub::HubOptions options = TestHub::options({"localhost"});
  options.auth.device_cas = {root.pem()};
  const auto store = storage::SqliteStore::in_memory({});
  hub::Hub hub(options, *store, base.clock, base.scheduler, base.random);
  hub::IdentityWrite write;
  write.authentication_type = "certificateAuthority";
  REQUIRE(hub.registry().put({{"d"}}, write, hub::IfMatch::none()));
  REQUIRE(hub.registry().put({{"d"}, {"m"}}, write, hub::IfMatch::none()));
  const auto connects = [&](const hub::Identity& identity, const std::string& common_name) {
    const TestCertificate leaf(common_name, false, now - kDay, now + kDay, &root);
    const hub::ClientCertificate shown{{}, {}, common_name, {leaf.der()}};
    return hub.auth().authenticate_device(identity, {{}, &shown}).has_value();
  };
  CHECK(connects({{"d"}}, "d"));
  CHECK_FALSE(connects({{"d"}}, "D"));
  CHECK_FALSE(connects({{"d"}}, "other"));
  CHECK(connects({{"d"}, {"m"}}, "d/m"));
  CHECK_FALSE(connects({{"d"}, {"m"}}, "d"));
  CHECK_FALSE(connects({{"d"}}, "d/m"));
}
