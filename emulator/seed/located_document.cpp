#include "emulator/seed/located_document.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "protocol/text/ascii.h"

namespace iothub::seed {
namespace {

using hub::Json;

struct Wrong {
  Mark mark;
  std::string pointer;
  std::string what;
};

Mark mark_of(const YAML::Mark& mark) {
  return {mark.line + 1, mark.column + 1};
}

// ---- scalars: YAML 1.2, core schema ---------------------------------------------------------------------------------

bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return text::is_digit(c); });
}

template <typename Number>
std::optional<Number> whole(std::string_view text, int base = 10) {
  Number number{};
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc{} || stop != text.data() + text.size()) return std::nullopt;
  return number;
}

bool is_float(std::string_view text) {
  if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
  const std::size_t exponent = text.find_first_of("eE");
  if (exponent != text.npos) {
    std::string_view digits = text.substr(exponent + 1);
    if (digits.starts_with('+') || digits.starts_with('-')) digits.remove_prefix(1);
    if (!all_digits(digits)) return false;
    text = text.substr(0, exponent);
  }
  const std::size_t point = text.find('.');
  if (point == text.npos) return all_digits(text);
  const std::string_view before = text.substr(0, point), after = text.substr(point + 1);
  return (before.empty() || all_digits(before)) && (after.empty() || all_digits(after)) &&
         !(before.empty() && after.empty());
}

bool is_no_json_number(std::string_view text) {
  if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
  const std::string lower = text::lower(text);
  return lower == ".inf" || lower == ".nan";
}

Json plain_scalar(const std::string& text, Mark mark) {
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  std::string_view digits = text;
  if (digits.starts_with('+')) digits.remove_prefix(1);
  if (digits.starts_with("0x")) {
    if (const auto number = whole<std::uint64_t>(digits.substr(2), 16)) return *number;
  }
  if (digits.starts_with("0o")) {
    if (const auto number = whole<std::uint64_t>(digits.substr(2), 8)) return *number;
  }
  if (all_digits(digits) || (digits.starts_with('-') && all_digits(digits.substr(1)))) {
    if (const auto number = whole<std::int64_t>(digits)) return *number;
    if (const auto number = whole<std::uint64_t>(digits)) return *number;
  }
  if (is_float(text)) {
    double number = 0;
    const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (result.ec == std::errc{} && std::isfinite(number)) return number;
    throw Wrong{mark, {}, "'" + text + "' is beyond what a number can be"};
  }
  if (is_no_json_number(text)) throw Wrong{mark, {}, "JSON has no number '" + text + "'"};
  return text;
}

// ---- building -------------------------------------------------------------------------------------------------------

class Builder final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (awaits_name()) throw Wrong{mark_of(mark), pointer(), "a member's name is missing"};
    put(nullptr, {{}, mark_of(mark), {}}, anchor, 1);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto known = anchored_.find(anchor);
    if (known == anchored_.end()) throw Wrong{mark_of(mark), pointer(), "an alias inside what it stands for"};
    aliased_values_ += known->second.count;
    if (aliased_values_ > kMaxAliasedValues) {
      throw Wrong{mark_of(mark), pointer(),
                  "aliases expand to more than " + std::to_string(kMaxAliasedValues) + " values"};
    }
    if (awaits_name()) {
      if (!known->second.value.is_string()) throw Wrong{mark_of(mark), pointer(), "a member's name has to be a scalar"};
      return take_name(known->second.value.get<std::string>(), mark_of(mark));
    }
    if (open_.size() + known->second.depth > kMaxDepth) throw too_deep(mark_of(mark));
    put(known->second.value, known->second.marks, 0, known->second.count);
  }

  void OnScalar(const YAML::Mark& at, const std::string& tag, YAML::anchor_t anchor, const std::string& text) override {
    const Mark mark = mark_of(at);
    const bool plain = tag == "?";
    if (!plain && tag != "!" && tag != "tag:yaml.org,2002:str") {
      throw Wrong{mark, pointer(), "the tag '" + tag + "' is not supported"};
    }
    if (awaits_name()) {
      if (plain && text == "<<") throw Wrong{mark, pointer(), "merge keys (<<) are not supported"};
      if (anchor != 0) remember(anchor, text, {{}, mark, {}}, 1, 0);
      return take_name(text, mark);
    }
    put(plain ? scalar(text, mark) : Json(text), {{}, mark, {}}, anchor, 1);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(Json::array(), mark_of(mark), tag, "tag:yaml.org,2002:seq", anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(Json::object(), mark_of(mark), tag, "tag:yaml.org,2002:map", anchor);
  }
  void OnMapEnd() override { close(); }

  Json value;
  Marks marks;

 private:
  struct Open {
    Json value;
    Marks marks;
    YAML::anchor_t anchor = 0;
    std::optional<std::string> name;  ///< of the member that comes next
    Mark name_mark{};
    std::size_t count = 1;
    std::size_t depth = 1;
  };
  struct Anchored {
    Json value;
    Marks marks;
    std::size_t count;
    std::size_t depth;
  };

  bool awaits_name() const { return !open_.empty() && open_.back().value.is_object() && !open_.back().name; }

  std::string pointer() const {
    std::string path;
    for (const Open& each : open_) {
      if (each.value.is_array()) path += "/" + std::to_string(each.value.size());
      if (each.name) path += "/" + pointer_step(*each.name);
    }
    return path;
  }

  Wrong too_deep(Mark mark) const {
    return {mark, pointer(), "it nests deeper than " + std::to_string(kMaxDepth) + " levels"};
  }

  Json scalar(const std::string& text, Mark mark) const {
    try {
      return plain_scalar(text, mark);
    } catch (Wrong& wrong) {
      wrong.pointer = pointer();
      throw;
    }
  }

  void take_name(const std::string& name, Mark mark) {
    Open& object = open_.back();
    if (object.value.contains(name)) {
      throw Wrong{mark, pointer() + "/" + pointer_step(name), "'" + name + "' stands here twice"};
    }
    object.name = name;
    object.name_mark = mark;
  }

  void remember(YAML::anchor_t anchor, Json anchored, Marks its_marks, std::size_t count, std::size_t depth) {
    anchored_.insert_or_assign(anchor, Anchored{std::move(anchored), std::move(its_marks), count, depth});
  }

  void open(Json empty, Mark mark, const std::string& tag, std::string_view own_tag, YAML::anchor_t anchor) {
    if (!tag.empty() && tag != "?" && tag != "!" && tag != own_tag) {
      throw Wrong{mark, pointer(), "the tag '" + tag + "' is not supported"};
    }
    if (awaits_name()) throw Wrong{mark, pointer(), "a member's name has to be a scalar"};
    if (open_.size() >= kMaxDepth) throw too_deep(mark);
    open_.push_back({std::move(empty), {{}, mark, {}}, anchor, std::nullopt});
  }

  void close() {
    Open done = std::move(open_.back());
    open_.pop_back();
    if (!open_.empty()) open_.back().depth = std::max(open_.back().depth, done.depth + 1);
    put(std::move(done.value), std::move(done.marks), done.anchor, done.count, done.depth);
  }

  void put(Json part, Marks its_marks, YAML::anchor_t anchor, std::size_t count, std::size_t depth = 0) {
    if (anchor != 0) remember(anchor, part, its_marks, count, depth);
    if (open_.empty()) {
      value = std::move(part);
      marks = std::move(its_marks);
      return;
    }
    Open& parent = open_.back();
    parent.count += count;
    if (parent.value.is_array()) {
      its_marks.key = its_marks.value;
      parent.value.push_back(std::move(part));
    } else {
      its_marks.key = parent.name_mark;
      parent.value[*std::exchange(parent.name, std::nullopt)] = std::move(part);
    }
    parent.marks.members.push_back(std::move(its_marks));
  }

  std::vector<Open> open_;
  std::map<YAML::anchor_t, Anchored> anchored_;
  std::size_t aliased_values_ = 0;
};

// ---- texts ----------------------------------------------------------------------------------------------------------

std::string_view without_leading_space(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first == text.npos ? std::string_view() : text.substr(first);
}

std::string_view trimmed(std::string_view text) {
  text = without_leading_space(text);
  return text.substr(0, text.find_last_not_of(" \t\r\n") + 1);
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

/// At least two lines, and each of them an object that ends where the line does.
bool is_json_lines(const std::vector<std::string_view>& lines) {
  int objects = 0;
  for (std::string_view line : lines) {
    line = trimmed(line);
    if (line.empty()) continue;
    if (!line.starts_with('{') || !line.ends_with('}')) return false;
    ++objects;
  }
  return objects > 1;
}

/// JSON's surrogate pairs as the one escape that yaml-cpp knows.
std::string with_whole_escapes(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  const auto unit = [&](std::size_t at) -> std::optional<std::uint32_t> {
    if (at + 6 > text.size() || text[at] != '\\' || text[at + 1] != 'u') return std::nullopt;
    return whole<std::uint32_t>(text.substr(at + 2, 4), 16);
  };
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] != '\\' || i + 1 >= text.size()) {
      out += text[i++];
      continue;
    }
    const auto high = unit(i), low = high ? unit(i + 6) : std::nullopt;
    if (high && low && *high >= 0xD800 && *high < 0xDC00 && *low >= 0xDC00 && *low < 0xE000) {
      const std::uint32_t code = 0x10000 + ((*high - 0xD800) << 10) + (*low - 0xDC00);
      std::ostringstream escape;
      escape << "\\U" << std::hex;
      escape.width(8);
      escape.fill('0');
      escape << code;
      out += escape.str();
      i += 12;
    } else {
      out += text.substr(i, 2);
      i += 2;
    }
  }
  return out;
}

/// The first zero byte, or the first that makes it no UTF-8.
std::optional<std::size_t> first_byte_of_no_text(std::string_view text) {
  if (const std::size_t zero = text.find('\0'); zero != text.npos) return zero;
  try {
    [[maybe_unused]] const std::string written = nlohmann::json(text).dump();
    return std::nullopt;
  } catch (const nlohmann::json::type_error& error) {
    // "[...] invalid UTF-8 byte at index 4: 0xB4", and of a text that ends too early "incomplete UTF-8 string; ..."
    const std::string_view said = error.what();
    const std::size_t index = said.find("index ");
    if (index == said.npos) return text.empty() ? 0 : text.size() - 1;
    return whole<std::size_t>(said.substr(index + 6, said.find(':', index) - index - 6)).value_or(0);
  }
}

/// Where a text that shall be JSON stops being it: yaml-cpp's words of that are not for people who wrote no YAML.
std::optional<Wrong> json_mistake(std::string_view text) {
  try {
    [[maybe_unused]] const auto parsed = nlohmann::json::parse(text);
    return std::nullopt;
  } catch (const nlohmann::json::parse_error& error) {
    const std::string_view said = error.what();  // "[...] parse error at line 2, column 1: syntax error while ..."
    const std::size_t line = said.find("line "), column = said.find(", column "), colon = said.find(": ", column);
    if (line == said.npos || column == said.npos || colon == said.npos) return std::nullopt;
    const auto number = [&](std::size_t from, std::size_t to) {
      return whole<int>(said.substr(from, to - from)).value_or(1);
    };
    return Wrong{{number(line + 5, column), number(column + 9, colon)}, {}, std::string(said.substr(colon + 2))};
  }
}

/// Throws Wrong.
void read_into(Builder& builder, const std::string& text) {
  std::istringstream stream(text);
  try {
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder)) throw Wrong{{}, {}, "it is empty"};
    Builder second;
    if (parser.HandleNextDocument(second)) throw Wrong{second.marks.value, {}, "it holds more than one document"};
  } catch (const YAML::Exception& error) {
    throw Wrong{error.mark.is_null() ? Mark{} : mark_of(error.mark), {}, error.msg};
  }
}

/// Where a pointer leads.
struct Place {
  const Json* value;
  const Marks* marks;
  bool named = false;  ///< by the last step
  bool exact = true;   ///< else into nothing: the nearest place above it
};

Place place_of(const Document& document, std::string_view pointer) {
  Place place{&document.value, &document.marks};
  while (pointer.starts_with('/')) {
    pointer.remove_prefix(1);
    const std::string_view step = pointer.substr(0, pointer.find('/'));
    pointer.remove_prefix(step.size());
    std::size_t index = place.marks->members.size();
    if (place.value->is_object()) {
      std::size_t i = 0;
      for (const auto& [name, member] : place.value->items()) {
        if (pointer_step(name) == step) index = i;
        ++i;
      }
    } else if (place.value->is_array()) {
      index = whole<std::size_t>(step).value_or(index);
    }
    if (index >= place.marks->members.size()) {
      place.exact = false;
      break;
    }
    place.named = place.value->is_object();
    place.value = place.named ? &std::next(place.value->begin(), static_cast<std::ptrdiff_t>(index)).value()
                              : &(*place.value)[index];
    place.marks = &place.marks->members[index];
  }
  return place;
}

}  // namespace

std::string LocatedError::text() const {
  std::string out = file + ":" + std::to_string(mark.line) + ":" + std::to_string(mark.column) + ": ";
  if (!pointer.empty()) out += pointer + ": ";
  return out + what;
}

void throw_exception_from_error(const LocatedError& error, const boost::source_location&) {
  throw std::logic_error("a refused seed was taken for a good one: " + error.text());
}

std::string pointer_step(std::string_view name) {
  std::string step;
  for (const char c : name) {
    if (c == '~') step += "~0";
    if (c == '/') step += "~1";
    if (c != '~' && c != '/') step += c;
  }
  return step;
}

Mark Document::mark_of(std::string_view pointer) const {
  const Place found = place_of(*this, pointer);
  return found.named ? found.marks->key : found.marks->value;
}

Document Document::part(std::string_view pointer) const {
  const Place found = place_of(*this, pointer);
  if (!found.exact) return {file, nullptr, {}};
  return {file, *found.value, *found.marks};
}

LocatedError Document::error(std::string pointer, std::string what) const {
  return {file, mark_of(pointer), place + pointer, std::move(what)};
}

Result<Document> read_document(std::string_view text, std::string file) {
  Document document{std::move(file), nullptr, {}};
  const std::vector<std::string_view> lines = lines_of(text);
  int line = 0;
  std::size_t element = 0;
  bool in_lines = false;
  try {
    if (const auto at = first_byte_of_no_text(text)) {
      const std::string_view before = text.substr(0, *at);
      const auto lines_before = std::count(before.begin(), before.end(), '\n');
      const std::size_t line_start = before.rfind('\n') == before.npos ? 0 : before.rfind('\n') + 1;
      throw Wrong{
          {static_cast<int>(lines_before) + 1, static_cast<int>(*at - line_start) + 1}, {}, "it is no text in UTF-8"};
    }
    if (is_json_lines(lines)) {
      in_lines = true;
      document.value = Json::array();
      for (const std::string_view each : lines) {
        if (!trimmed(each).empty()) {
          Builder builder;
          read_into(builder, with_whole_escapes(each.substr(0, each.find_last_not_of(" \t\r") + 1)));
          document.value.push_back(std::move(builder.value));
          const auto shift = [line](auto&& self, Marks& marks) -> void {
            marks.key.line += line;
            marks.value.line += line;
            for (Marks& member : marks.members) self(self, member);
          };
          shift(shift, builder.marks);
          builder.marks.key = builder.marks.value;
          document.marks.members.push_back(std::move(builder.marks));
          ++element;
        }
        ++line;
      }
      return document;
    }
    const std::string_view start = without_leading_space(text);
    const bool is_json = start.starts_with('{') || start.starts_with('[');
    Builder builder;
    try {
      read_into(builder, is_json ? with_whole_escapes(text) : std::string(text));
    } catch (const Wrong&) {
      if (document.file.ends_with(".json")) {
        if (const auto mistake = json_mistake(text)) throw *mistake;
      }
      throw;
    }
    document.value = std::move(builder.value);
    document.marks = std::move(builder.marks);
    return document;
  } catch (const Wrong& wrong) {
    const std::string prefix = in_lines ? "/" + std::to_string(element) : std::string();
    return LocatedError{document.file, {wrong.mark.line + line, wrong.mark.column}, prefix + wrong.pointer, wrong.what};
  }
}

}  // namespace iothub::seed
