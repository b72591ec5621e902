// A client's frames: read the same in one piece and byte by byte, and never more is given than came.
#include "protocol/websocket/frames.h"

#include "tests/fuzz/support/input.h"
#include "tests/fuzz/support/require.h"
#include "tests/fuzz/targets.h"

namespace iothub::fuzz {
namespace {

struct Reading {
  void read(std::string_view input, std::size_t step) {
    while (!input.empty() && open) {
      open = reader.receive(bytes_of(input.substr(0, step)), data, answers);
      input.remove_prefix(std::min(step, input.size()));
    }
  }

  websocket::FrameReader reader;
  std::string data;
  std::string answers;
  bool open = true;
};

/// The payload as a client masks it, in frames of at most `size` bytes.
std::string client_frames(std::string_view payload, std::size_t size) {
  std::string frames;
  bool first = true;
  do {
    const std::string_view part = payload.substr(0, size);
    payload.remove_prefix(part.size());
    frames += static_cast<char>((payload.empty() ? 0x80 : 0) | (first ? 2 : 0));
    frames += static_cast<char>(0x80 | (part.size() < 126 ? part.size() : 126));
    if (part.size() >= 126) frames += {static_cast<char>(part.size() >> 8), static_cast<char>(part.size() & 0xFF)};
    const std::string mask = "\x01\xA5\xFF\x10";
    frames += mask;
    for (std::size_t i = 0; i < part.size(); ++i) frames += static_cast<char>(part[i] ^ mask[i % 4]);
    first = false;
  } while (!payload.empty());
  return frames;
}

}  // namespace

void websocket_frames(std::string_view input) {
  Reading whole, bytewise;
  whole.read(input, input.size());
  bytewise.read(input, 1);
  require(whole.data == bytewise.data && whole.answers == bytewise.answers && whole.open == bytewise.open &&
              whole.reader.close_status() == bytewise.reader.close_status(),
          "pieces do not matter");
  require(whole.data.size() + whole.answers.size() <= input.size(), "nothing is given that did not come");
  require(whole.open == whole.reader.end_reason().empty(), "an end has its reason");

  Input parts(input);
  const std::size_t size = 1 + parts.number(1);
  const std::string_view payload = parts.rest();
  Reading sent;
  sent.read(client_frames(payload, size), 7);
  require(sent.open && sent.data == payload, "what a client frames arrives");
}

}  // namespace iothub::fuzz
