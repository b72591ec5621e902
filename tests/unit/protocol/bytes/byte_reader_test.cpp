#include "protocol/bytes/byte_reader.h"

#include <doctest/doctest.h>

#include "tests/unit/protocol/bytes/hex.h"

using iothub::bytes::as_text;
using iothub::bytes::ByteReader;
using iothub::test::as_bytes;
using iothub::test::bytes_of;

TEST_CASE("fields are read in order, the high byte first") {
  const std::string bytes = bytes_of("FE 01 02 80 00 'abc'");
  ByteReader reader(as_bytes(bytes));
  CHECK(reader.u8() == 0xFE);
  CHECK(reader.u16() == 0x0102);
  CHECK(reader.u16() == 0x8000);
  CHECK(as_text(reader.take(1)) == "a");
  CHECK(reader.remaining() == 2);
  CHECK(as_text(reader.rest()) == "bc");
  CHECK(reader.remaining() == 0);
  CHECK(reader.ok());
}

TEST_CASE("what is taken is borrowed, not copied") {
  const std::string bytes = bytes_of("00 'ab'");
  ByteReader reader(as_bytes(bytes));
  reader.u8();
  CHECK(as_text(reader.take(2)).data() == bytes.data() + 1);
}

TEST_CASE("a read beyond the end fails for good, and later reads are empty though bytes were left") {
  const std::string bytes = bytes_of("01 02 03");
  SUBCASE("a number cut in two") {
    ByteReader reader(as_bytes(bytes));
    reader.u16();
    CHECK(reader.ok());
    CHECK(reader.u16() == 0);
    CHECK(!reader.ok());
  }
  SUBCASE("a field longer than the bytes") {
    ByteReader reader(as_bytes(bytes));
    CHECK(reader.take(4).empty());
    CHECK(!reader.ok());
    CHECK(reader.u8() == 0);
    CHECK(reader.take(0).empty());
    CHECK(reader.rest().empty());
    CHECK(reader.remaining() == 0);
    CHECK(!reader.ok());
  }
  SUBCASE("a byte after the last one") {
    ByteReader reader({});
    CHECK(reader.u8() == 0);
    CHECK(!reader.ok());
  }
}

TEST_CASE("taking nothing is fine at the very end") {
  ByteReader reader({});
  CHECK(reader.take(0).empty());
  CHECK(as_text(reader.rest()) == "");
  CHECK(reader.ok());
}
