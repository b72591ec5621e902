#include "protocol/amqp/message.h"

#include <doctest/doctest.h>

#include <string>

using namespace iothub::amqp;
using namespace std::string_literals;

TEST_CASE("a message comes back from its encoding, its id with its type") {
  Message message;
  message.message_id = Uuid{{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}};
  message.correlation_id = std::uint64_t{42};
  message.user_id = "user";
  message.to = "/devices/d1/messages/devicebound";
  message.content_type = "application/json";
  message.absolute_expiry_time = Time{1'700'000'000'000};
  add_symbol(message.annotations, "x-opt-sequence-number", std::int64_t{7});
  add_string(message.application_properties, "level", std::string("storage"));
  message.data = {"{}", "more"};

  const auto read = parse_message(encode(message));
  REQUIRE(read);
  REQUIRE(std::holds_alternative<Uuid>(read->message_id));
  CHECK(text_of(read->message_id) == "00010203-0405-0607-0809-0a0b0c0d0e0f");
  CHECK(std::get<std::uint64_t>(read->correlation_id) == 42);
  CHECK(read->user_id == "user");
  CHECK(read->to == message.to);
  CHECK(read->content_type == "application/json");
  CHECK(read->absolute_expiry_time->unix_milliseconds == 1'700'000'000'000);
  REQUIRE(find(read->annotations, "x-opt-sequence-number") != nullptr);
  CHECK(integer_of(*find(read->annotations, "x-opt-sequence-number")) == 7);
  CHECK(text_of(*find(read->application_properties, "level")) == "storage");
  CHECK(read->body() == "{}more");
}

TEST_CASE("an id that is an array comes back, whatever its elements are") {
  for (const Value& item : {Value(std::uint32_t{7}), Value(true), Value(false), Value(Binary{"b"}), Value(Symbol{"s"}),
                            Value(std::string("t")), Value(List{{Value(1.5)}}), Value(List{}),
                            Value(Map{{Value(std::string("k")), Value()}}), Value(Array{{Value(std::int8_t{-1})}})}) {
    Message message;
    message.message_id = Array{{item, item}};
    const std::string bytes = encode(message);
    const auto read = parse_message(bytes);
    REQUIRE(read);
    REQUIRE(std::holds_alternative<Array>(read->message_id));
    CHECK(std::get<Array>(read->message_id).items.size() == 2);
    CHECK(std::get<Array>(read->message_id).items[1].index() == item.index());
    CHECK(encode(*read) == bytes);
  }
}

TEST_CASE("a message cut at any byte is malformed or a shorter one, never read past its end") {
  Message message;
  message.message_id = std::string("m");
  add_string(message.application_properties, "level", std::string("storage"));
  message.data = {"body"};
  const std::string whole = encode(message);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::string cut = whole.substr(0, size);  // its own allocation, for sanitizers
    if (const auto read = parse_message(cut)) CHECK(read->data.size() <= message.data.size());
  }
}

TEST_CASE("the messages of a batch are its Data sections") {
  Message first, second, outer;
  first.data = {"one"};
  second.data = {"two"};
  outer.data = {encode(first), encode(second)};
  const auto read = parse_message(encode(outer));
  REQUIRE(read);
  const auto batch = parse_batch(*read);
  REQUIRE(batch);
  REQUIRE(batch->size() == 2);
  CHECK((*batch)[0].body() == "one");
  CHECK((*batch)[1].body() == "two");

  Message single;
  single.data = {"plain text"};
  CHECK_FALSE(parse_batch(single));
}
