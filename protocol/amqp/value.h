#pragma once
/// AMQP 1.0 values with their types kept (AMQP 1.0, part 1), and their encoding.
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace iothub::amqp {

struct Value;

struct Symbol {
  std::string text;
};
struct Binary {
  std::string bytes;
};
struct Time {
  std::int64_t unix_milliseconds = 0;
};
struct Uuid {
  std::array<std::uint8_t, 16> bytes{};
};
struct List {
  std::vector<Value> items;
};
/// Keys and values in turn, in the order of the wire.
struct Map {
  std::vector<Value> flat;
  bool empty() const { return flat.empty(); }
};
struct Array {
  std::vector<Value> items;
};
/// The descriptor and what it describes.
struct Described {
  std::vector<Value> parts;
};

/// std::monostate is null.
struct Value : std::variant<std::monostate, bool, std::uint8_t, std::uint16_t, std::uint32_t, std::uint64_t,
                            std::int8_t, std::int16_t, std::int32_t, std::int64_t, float, double, Time, Uuid, Binary,
                            std::string, Symbol, List, Map, Array, Described> {
  using variant::variant;
  bool is_null() const { return index() == 0; }
};

void encode(const Value& value, std::string& out);
/// Takes one value from the front of `bytes`; nothing for what is malformed, too deep, or of a type that no client of a
/// hub sends (char, decimals).
std::optional<Value> decode(std::string_view& bytes);

/// The value of a key that is a symbol or string; null when there is none, or when it is no map.
const Value* find(const Map& map, std::string_view key);
/// Of a string, symbol, binary or UUID (canonical, lower case), or the digits of a number.
std::optional<std::string> text_of(const Value& value);
/// That of a key's value; empty where there is none.
std::string text_at(const Map& map, std::string_view key);
/// Of any integer type.
std::optional<std::int64_t> integer_of(const Value& value);

/// Appends to a map under a symbol, as annotations have it, or under a string, as application properties.
void add_symbol(Map& map, std::string_view key, Value value);
void add_string(Map& map, std::string_view key, Value value);

}  // namespace iothub::amqp
