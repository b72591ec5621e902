#include "protocol/amqp/value.h"

#include <bit>
#include <stdexcept>
#include <type_traits>

namespace iothub::amqp {
namespace {

constexpr int kDeepest = 24;

template <typename Unsigned>
void put(std::string& out, Unsigned value) {
  for (int shift = static_cast<int>(sizeof(Unsigned)) * 8 - 8; shift >= 0; shift -= 8)
    out += static_cast<char>(value >> shift & 0xFFU);
}

void put_code(std::string& out, unsigned code) {
  out += static_cast<char>(code);
}

/// Variable width (AMQP 1.0, 1.2.2): one byte of size up to 255, else four.
void put_variable(std::string& out, unsigned short_code, std::string_view bytes) {
  if (bytes.size() < 256) {
    put_code(out, short_code);
    put(out, static_cast<std::uint8_t>(bytes.size()));
  } else {
    put_code(out, short_code + 0x10);
    put(out, static_cast<std::uint32_t>(bytes.size()));
  }
  out += bytes;
}

/// Compound types (1.2.3): size counts the count as well.
void put_compound(std::string& out, unsigned short_code, const std::vector<Value>& items) {
  std::string body;
  for (const Value& item : items) encode(item, body);
  if (body.size() < 255 && items.size() < 256) {
    put_code(out, short_code);
    put(out, static_cast<std::uint8_t>(body.size() + 1));
    put(out, static_cast<std::uint8_t>(items.size()));
  } else {
    put_code(out, short_code + 0x10);
    put(out, static_cast<std::uint32_t>(body.size() + 4));
    put(out, static_cast<std::uint32_t>(items.size()));
  }
  out += body;
}

/// The size and count of a compound type with four bytes each.
void put_wide_compound(std::string& out, const std::vector<Value>& items) {
  std::string body;
  for (const Value& item : items) encode(item, body);
  put(out, static_cast<std::uint32_t>(body.size() + 4));
  put(out, static_cast<std::uint32_t>(items.size()));
  out += body;
}

void put_wide_text(std::string& out, std::string_view bytes) {
  put(out, static_cast<std::uint32_t>(bytes.size()));
  out += bytes;
}

/// The one constructor of an array's elements (1.6.24), in the widest form: it has to fit them all.
unsigned element_code(const Value& item) {
  if (std::holds_alternative<bool>(item)) return 0x56;
  if (std::holds_alternative<Binary>(item)) return 0xB0;
  if (std::holds_alternative<std::string>(item)) return 0xB1;
  if (std::holds_alternative<Symbol>(item)) return 0xB3;
  if (std::holds_alternative<List>(item)) return 0xD0;
  if (std::holds_alternative<Map>(item)) return 0xD1;
  std::string encoded;
  encode(item, encoded);
  return static_cast<unsigned char>(encoded.front());
}

/// An element without its constructor.
void put_element(std::string& out, const Value& item) {
  if (const auto* boolean = std::get_if<bool>(&item)) return put(out, static_cast<std::uint8_t>(*boolean));
  if (const auto* binary = std::get_if<Binary>(&item)) return put_wide_text(out, binary->bytes);
  if (const auto* text = std::get_if<std::string>(&item)) return put_wide_text(out, *text);
  if (const auto* symbol = std::get_if<Symbol>(&item)) return put_wide_text(out, symbol->text);
  if (const auto* list = std::get_if<List>(&item)) return put_wide_compound(out, list->items);
  if (const auto* map = std::get_if<Map>(&item)) return put_wide_compound(out, map->flat);
  std::string encoded;
  encode(item, encoded);
  out.append(encoded, 1);
}

/// A hub's own arrays hold strings or symbols, but a client's id, which is echoed, may be any array.
void put_array(std::string& out, const Array& array) {
  std::string body;
  for (const Value& item : array.items) put_element(body, item);
  put_code(out, 0xF0);
  put(out, static_cast<std::uint32_t>(body.size() + 5));
  put(out, static_cast<std::uint32_t>(array.items.size()));
  put_code(out, array.items.empty() ? 0xB1 : element_code(array.items.front()));
  out += body;
}

class Decoder {
 public:
  explicit Decoder(std::string_view& bytes) : bytes_(bytes) {}

  std::optional<Value> value(int depth) {
    const std::uint8_t code = number<std::uint8_t>();
    if (failed_ || depth > kDeepest) return std::nullopt;
    if (code != 0) return of(code, depth);
    std::optional<Value> descriptor = value(depth + 1);
    if (!descriptor) return std::nullopt;
    std::optional<Value> described = value(depth + 1);
    if (!described) return std::nullopt;
    Described result;
    result.parts.push_back(std::move(*descriptor));
    result.parts.push_back(std::move(*described));
    return Value(std::move(result));
  }

 private:
  template <typename Unsigned>
  Unsigned number() {
    const std::string_view taken = take(sizeof(Unsigned));
    std::uint64_t result = 0;
    for (const char c : taken) result = result << 8U | static_cast<unsigned char>(c);
    return static_cast<Unsigned>(result);
  }

  std::string_view take(std::size_t count) {
    if (failed_ || count > bytes_.size()) {
      failed_ = true;
      return {};
    }
    const std::string_view taken = bytes_.substr(0, count);
    bytes_.remove_prefix(count);
    return taken;
  }

  std::string text(bool wide) { return std::string(take(wide ? number<std::uint32_t>() : number<std::uint8_t>())); }

  std::optional<Value> read(Value value) {
    if (failed_) return std::nullopt;
    return value;
  }

  std::optional<Value> of(std::uint8_t code, int depth) {
    switch (code) {
      case 0x40:
        return Value();
      case 0x41:
        return Value(true);
      case 0x42:
        return Value(false);
      case 0x56:
        return read(Value(number<std::uint8_t>() != 0));
      case 0x43:
        return Value(std::uint32_t{0});
      case 0x44:
        return Value(std::uint64_t{0});
      case 0x45:
        return Value(List{});
      case 0x50:
        return read(Value(number<std::uint8_t>()));
      case 0x51:
        return read(Value(static_cast<std::int8_t>(number<std::uint8_t>())));
      case 0x52:
        return read(Value(std::uint32_t{number<std::uint8_t>()}));
      case 0x53:
        return read(Value(std::uint64_t{number<std::uint8_t>()}));
      case 0x54:
        return read(Value(std::int32_t{static_cast<std::int8_t>(number<std::uint8_t>())}));
      case 0x55:
        return read(Value(std::int64_t{static_cast<std::int8_t>(number<std::uint8_t>())}));
      case 0x60:
        return read(Value(number<std::uint16_t>()));
      case 0x61:
        return read(Value(static_cast<std::int16_t>(number<std::uint16_t>())));
      case 0x70:
        return read(Value(number<std::uint32_t>()));
      case 0x71:
        return read(Value(static_cast<std::int32_t>(number<std::uint32_t>())));
      case 0x72:
        return read(Value(std::bit_cast<float>(number<std::uint32_t>())));
      case 0x80:
        return read(Value(number<std::uint64_t>()));
      case 0x81:
        return read(Value(static_cast<std::int64_t>(number<std::uint64_t>())));
      case 0x82:
        return read(Value(std::bit_cast<double>(number<std::uint64_t>())));
      case 0x83:
        return read(Value(Time{static_cast<std::int64_t>(number<std::uint64_t>())}));
      case 0x98: {
        Uuid uuid;
        const std::string_view taken = take(uuid.bytes.size());
        for (std::size_t i = 0; i < taken.size(); ++i) uuid.bytes[i] = static_cast<std::uint8_t>(taken[i]);
        return read(Value(uuid));
      }
      case 0xA0:
      case 0xB0:
        return read(Value(Binary{text(code == 0xB0)}));
      case 0xA1:
      case 0xB1:
        return read(Value(text(code == 0xB1)));
      case 0xA3:
      case 0xB3:
        return read(Value(Symbol{text(code == 0xB3)}));
      case 0xC0:
      case 0xD0: {
        std::optional<std::vector<Value>> items = compound(code == 0xD0, depth);
        if (!items) return std::nullopt;
        return Value(List{std::move(*items)});
      }
      case 0xC1:
      case 0xD1: {
        std::optional<std::vector<Value>> items = compound(code == 0xD1, depth);
        if (!items || items->size() % 2 != 0) return std::nullopt;
        return Value(Map{std::move(*items)});
      }
      case 0xE0:
      case 0xF0:
        return array(code == 0xF0, depth);
      default:
        return std::nullopt;
    }
  }

  std::optional<std::vector<Value>> compound(bool wide, int depth) {
    const std::size_t size = wide ? number<std::uint32_t>() : number<std::uint8_t>();
    std::string_view body = take(size);
    if (failed_) return std::nullopt;
    Decoder inner(body);
    const std::size_t count = wide ? inner.number<std::uint32_t>() : inner.number<std::uint8_t>();
    if (inner.failed_ || count > body.size()) return std::nullopt;
    std::vector<Value> items;  // grows with what is there: the count is the peer's word, at every depth
    for (std::size_t i = 0; i < count; ++i) {
      std::optional<Value> item = inner.value(depth + 1);
      if (!item) return std::nullopt;
      items.push_back(std::move(*item));
    }
    if (!body.empty()) return std::nullopt;
    return items;
  }

  std::optional<Value> array(bool wide, int depth) {
    const std::size_t size = wide ? number<std::uint32_t>() : number<std::uint8_t>();
    std::string_view body = take(size);
    if (failed_) return std::nullopt;
    Decoder inner(body);
    const std::size_t count = wide ? inner.number<std::uint32_t>() : inner.number<std::uint8_t>();
    const std::uint8_t code = inner.number<std::uint8_t>();
    // Elements without a width (null, true, 0) could be any number of nothing.
    if (inner.failed_ || code == 0 || depth > kDeepest || count > body.size()) return std::nullopt;
    Array result;
    for (std::size_t i = 0; i < count; ++i) {
      std::optional<Value> item = inner.of(code, depth + 1);
      if (!item) return std::nullopt;
      result.items.push_back(std::move(*item));
    }
    if (!body.empty()) return std::nullopt;
    return Value(std::move(result));
  }

  std::string_view& bytes_;
  bool failed_ = false;
};

}  // namespace

void encode(const Value& value, std::string& out) {
  std::visit(
      [&out](const auto& held) {
        using Held = std::decay_t<decltype(held)>;
        if constexpr (std::is_same_v<Held, std::monostate>) {
          put_code(out, 0x40);
        } else if constexpr (std::is_same_v<Held, bool>) {
          put_code(out, held ? 0x41 : 0x42);
        } else if constexpr (std::is_same_v<Held, std::uint8_t>) {
          put_code(out, 0x50);
          put(out, held);
        } else if constexpr (std::is_same_v<Held, std::int8_t>) {
          put_code(out, 0x51);
          put(out, static_cast<std::uint8_t>(held));
        } else if constexpr (std::is_same_v<Held, std::uint16_t>) {
          put_code(out, 0x60);
          put(out, held);
        } else if constexpr (std::is_same_v<Held, std::int16_t>) {
          put_code(out, 0x61);
          put(out, static_cast<std::uint16_t>(held));
        } else if constexpr (std::is_same_v<Held, std::uint32_t>) {
          put_code(out, 0x70);
          put(out, held);
        } else if constexpr (std::is_same_v<Held, std::int32_t>) {
          put_code(out, 0x71);
          put(out, static_cast<std::uint32_t>(held));
        } else if constexpr (std::is_same_v<Held, float>) {
          put_code(out, 0x72);
          put(out, std::bit_cast<std::uint32_t>(held));
        } else if constexpr (std::is_same_v<Held, std::uint64_t>) {
          put_code(out, 0x80);
          put(out, held);
        } else if constexpr (std::is_same_v<Held, std::int64_t>) {
          put_code(out, 0x81);
          put(out, static_cast<std::uint64_t>(held));
        } else if constexpr (std::is_same_v<Held, double>) {
          put_code(out, 0x82);
          put(out, std::bit_cast<std::uint64_t>(held));
        } else if constexpr (std::is_same_v<Held, Time>) {
          put_code(out, 0x83);
          put(out, static_cast<std::uint64_t>(held.unix_milliseconds));
        } else if constexpr (std::is_same_v<Held, Uuid>) {
          put_code(out, 0x98);
          for (const std::uint8_t byte : held.bytes) put(out, byte);
        } else if constexpr (std::is_same_v<Held, Binary>) {
          put_variable(out, 0xA0, held.bytes);
        } else if constexpr (std::is_same_v<Held, std::string>) {
          put_variable(out, 0xA1, held);
        } else if constexpr (std::is_same_v<Held, Symbol>) {
          put_variable(out, 0xA3, held.text);
        } else if constexpr (std::is_same_v<Held, List>) {
          put_compound(out, 0xC0, held.items);
        } else if constexpr (std::is_same_v<Held, Map>) {
          put_compound(out, 0xC1, held.flat);
        } else if constexpr (std::is_same_v<Held, Array>) {
          put_array(out, held);
        } else {
          put_code(out, 0x00);
          for (const Value& part : held.parts) encode(part, out);
        }
      },
      value);
}

std::optional<Value> decode(std::string_view& bytes) {
  return Decoder(bytes).value(0);
}

const Value* find(const Map& map, std::string_view key) {
  for (std::size_t i = 0; i + 1 < map.flat.size(); i += 2) {
    const Value& candidate = map.flat[i];
    if (const auto* symbol = std::get_if<Symbol>(&candidate); symbol != nullptr && symbol->text == key)
      return &map.flat[i + 1];
    if (const auto* text = std::get_if<std::string>(&candidate); text != nullptr && *text == key)
      return &map.flat[i + 1];
  }
  return nullptr;
}

std::string text_at(const Map& map, std::string_view key) {
  const Value* value = find(map, key);
  return value == nullptr ? std::string() : text_of(*value).value_or(std::string());
}

std::optional<std::string> text_of(const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* symbol = std::get_if<Symbol>(&value)) return symbol->text;
  if (const auto* binary = std::get_if<Binary>(&value)) return binary->bytes;
  if (const auto* uuid = std::get_if<Uuid>(&value)) {
    constexpr std::string_view kHex = "0123456789abcdef";
    std::string text;
    for (std::size_t i = 0; i < uuid->bytes.size(); ++i) {
      if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
      text += kHex[uuid->bytes[i] >> 4U];
      text += kHex[uuid->bytes[i] & 0xFU];
    }
    return text;
  }
  if (const auto* number = std::get_if<std::uint64_t>(&value)) return std::to_string(*number);
  if (const std::optional<std::int64_t> number = integer_of(value)) return std::to_string(*number);
  return std::nullopt;
}

std::optional<std::int64_t> integer_of(const Value& value) {
  return std::visit(
      [](const auto& held) -> std::optional<std::int64_t> {
        using Held = std::decay_t<decltype(held)>;
        if constexpr (std::is_integral_v<Held> && !std::is_same_v<Held, bool>) return static_cast<std::int64_t>(held);
        return std::nullopt;
      },
      value);
}

void add_symbol(Map& map, std::string_view key, Value value) {
  map.flat.emplace_back(Symbol{std::string(key)});
  map.flat.push_back(std::move(value));
}

void add_string(Map& map, std::string_view key, Value value) {
  map.flat.emplace_back(std::string(key));
  map.flat.push_back(std::move(value));
}

}  // namespace iothub::amqp
