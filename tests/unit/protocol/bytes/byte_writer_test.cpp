#include "protocol/bytes/byte_writer.h"

#include <doctest/doctest.h>

#include "tests/unit/protocol/bytes/hex.h"

TEST_CASE("fields are appended behind what the buffer holds, the high byte first") {
  std::string out = "x";
  iothub::bytes::ByteWriter writer(out);
  writer.u8(0xFF);
  writer.u16(0x0102);
  writer.u16(0x8000);
  writer.text({"a\0b", 3});
  CHECK(iothub::test::hex(out) == "78 FF 01 02 80 00 61 00 62");
}
