#include "emulator/net/listener.h"

#include <doctest/doctest.h>

#include <string>

using boost::asio::ip::make_address;
using iothub::net::BindError;
using iothub::net::listen_addresses;

namespace {

std::string joined(std::string_view address) {
  std::string out;
  for (const auto& each : listen_addresses(address)) out += each.to_string() + " ";
  return out;
}

}  // namespace

TEST_CASE("localhost and * mean both IP versions, an address means itself") {
  CHECK(joined("localhost") == "127.0.0.1 ::1 ");
  CHECK(joined("*") == "0.0.0.0 :: ");
  CHECK(joined("127.0.0.7") == "127.0.0.7 ");
  CHECK(joined("::1") == "::1 ");
  CHECK(joined("0.0.0.0") == "0.0.0.0 ");
}

TEST_CASE("a name is not looked up but refused") {
  CHECK_THROWS_AS(listen_addresses("hub.example.com"), std::invalid_argument);
  CHECK_THROWS_AS(listen_addresses(""), std::invalid_argument);
  CHECK_THROWS_AS(listen_addresses("127.0.0.1:443"), std::invalid_argument);
}

TEST_CASE("a port that is taken or not permitted is named with its address") {
  using Kind = BindError::Kind;
  const BindError taken(Kind::taken, {make_address("127.0.0.1"), 8883}, "Address already in use");
  CHECK(std::string(taken.what()) == "cannot listen on 127.0.0.1:8883: another program listens there");
  CHECK(taken.kind == Kind::taken);
  CHECK(taken.address == "127.0.0.1");
  CHECK(taken.port == 8883);

  const BindError not_permitted(Kind::not_permitted, {make_address("::1"), 443}, "Permission denied");
  CHECK(std::string(not_permitted.what()) == "cannot listen on [::1]:443: this user may not");

  const BindError other(Kind::other, {make_address("192.0.2.1"), 1}, "Cannot assign requested address");
  CHECK(std::string(other.what()) == "cannot listen on 192.0.2.1:1: Cannot assign requested address");
}
