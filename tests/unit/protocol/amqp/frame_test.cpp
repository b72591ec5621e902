#include "protocol/amqp/frame.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/unit/protocol/bytes/hex.h"

using namespace iothub::amqp;
using iothub::test::bytes_of;

TEST_CASE("a frame tells its size once its header is there, and what is none is told") {
  CHECK(frame_size(bytes_of("00 00 00 0C 02 00 00")) == 0);
  CHECK(frame_size(bytes_of("00 00 00 0C 02 00 00 01")) == 12);
  CHECK(frame_size(bytes_of("'AMQP' 03 01 00 00")) == 8);
  CHECK_FALSE(frame_size(bytes_of("00 00 00 04 02 00 00 00")));  // shorter than its header
  CHECK_FALSE(frame_size(bytes_of("00 00 00 0C 01 00 00 00")));  // its body begins inside its header
  CHECK_FALSE(frame_size(bytes_of("00 00 00 0C 02 07 00 00")));  // of no type
  CHECK_FALSE(frame_size("{\"temperature\":21.5}"));
}

TEST_CASE("protocol headers and empty frames are told apart from performatives") {
  const auto sasl = read_frame(bytes_of("'AMQP' 03 01 00 00"));
  REQUIRE(sasl);
  CHECK(sasl->is_header);
  CHECK(sasl->protocol_id == 3);
  const auto heartbeat = read_frame(bytes_of("00 00 00 08 02 00 00 00"));
  REQUIRE(heartbeat);
  CHECK_FALSE(heartbeat->is_header);
  CHECK_FALSE(heartbeat->performative);
}

TEST_CASE("a transfer has its fields, and behind them its payload") {
  //                                            size        doff type channel  transfer list of 2: handle 1, delivery 7
  //                                            payload
  const std::string bytes = bytes_of("00 00 00 15 02 00 00 03 00 53 14 C0 05 02 52 01 52 07 'abc' 'next frame'");
  const auto frame = read_frame(bytes);
  REQUIRE(frame);
  CHECK(frame->size == 21);
  CHECK(frame->channel == 3);
  CHECK(frame->performative == Performative::transfer);
  REQUIRE(frame->fields.items.size() == 2);
  CHECK(integer_of(frame->fields.items[1]) == 7);
  CHECK(frame->payload == "abc");
}

TEST_CASE("what is no performative, or ends too early, is not read") {
  CHECK_FALSE(read_frame(bytes_of("00 00 00 0C 02 00 00 00 00 53 70 45")));     // a message's section
  CHECK_FALSE(read_frame(bytes_of("00 00 00 0D 02 00 00 00 00 53 14 C0 09")));  // a list longer than the frame
  CHECK_FALSE(read_frame(bytes_of("00 00 00 0C 02 00 00 00 00 53 14")));        // not whole
}

TEST_CASE("fields have the names of the specification") {
  CHECK(name_of(Performative::sasl_init) == "sasl-init");
  CHECK(field_name(Performative::attach, 0) == "name");
  CHECK(field_name(Performative::attach, 13) == "properties");
  CHECK(field_name(Performative::attach, 14).empty());
  CHECK(field_name(Performative::flow, 6) == "link-credit");
  CHECK(type_name(0x24) == "accepted");
  CHECK(type_name(0x29) == "target");
  CHECK(type_name(0x70).empty());
}
