#include "tests/wire/support/amqp_link.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <regex>
#include <utility>

#include "tests/wire/support/websocket_frames.h"

namespace iothub::test {
namespace {

const char* port_of(AmqpLink::Over over) {
  switch (over) {
    case AmqpLink::Over::tls:
      return "amqps";
    case AmqpLink::Over::plain:
      return "amqp";
    case AmqpLink::Over::websocket:
      return "https";
  }
  return "";
}

std::size_t number(std::string_view bytes) {
  std::size_t value = 0;
  for (const char c : bytes) value = value << 8U | static_cast<unsigned char>(c);
  return value;
}

/// With what no two error objects share replaced.
std::string without_moments(const std::string& text) {
  static const std::regex kTrackingId(R"("trackingId":"[0-9a-f]{32}-G:0-TimeStamp:[0-9/]{10} [0-9:]{8}")");
  static const std::regex kTime(
      R"("timestampUtc":"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?Z")");
  return std::regex_replace(std::regex_replace(text, kTrackingId, R"("trackingId":..)"), kTime, R"("timestampUtc":..)");
}

}  // namespace

std::string hub_tag(int count) {
  return "#" + amqp_uint(count).substr(3) + "00000000000000";
}

Names amqp_names(const ServiceClient& service, const Login& login) {
  return {{"d", login.device}, {"m", login.module}, {"sas", login.token()}, {"owner", service.authorization()}};
}

AmqpLink::AmqpLink(const EmulatorProcess& emulator, Names names, Over over, std::string_view path)
    : names_(std::move(names)),
      over_(over),
      client_(emulator.port(port_of(over)), over == Over::plain ? Carrier::plain : Carrier::tls12, emulator.ca_file()) {
  if (over != Over::websocket) return;
  client_.send(websocket_opening(path, "AMQPWSB10"));
  CHECK(client_.read_until("\r\n\r\n") == websocket_switched("AMQPWSB10"));
}

void AmqpLink::send_bytes(std::string_view bytes) {
  if (over_ != Over::websocket) return client_.send(bytes);
  constexpr int kFinalBinary = 0x82;
  client_.send(websocket_frame(kFinalBinary, bytes));
}

std::string AmqpLink::read(std::size_t count) {
  if (over_ != Over::websocket) return client_.read(count);
  while (unframed_.size() < count) {
    const std::string head = client_.read(2);
    if (head.size() < 2 || head[0] != '\x82') break;
    std::size_t size = number(head.substr(1));
    if (size > 125) size = number(client_.read(size == 126 ? 2 : 8));
    unframed_ += client_.read(size);
  }
  std::string taken = unframed_.substr(0, count);
  unframed_.erase(0, taken.size());
  return taken;
}

std::string AmqpLink::read_frame() {
  std::string frame = read(4);
  if (frame.size() < 4) return frame;
  constexpr std::size_t kMost = std::size_t{1} << 20U;
  const std::size_t size = frame == "AMQP" ? 8 : number(frame);
  return frame + read(std::clamp<std::size_t>(size, 4, kMost) - 4);
}

void AmqpLink::expect(std::string_view notation) {
  std::string came;
  bool ended = false;
  for (std::size_t i = amqp_frame_count(notation); i > 0 && !ended; --i) {
    const std::string frame = read_frame();
    ended = frame.empty();
    came += (came.empty() ? "" : "\n") + (ended ? "nothing" : amqp_shown(frame));
  }
  came = without_moments(came);
  const std::string wanted = amqp_filled(notation, came, names_);
  CHECK(came == wanted);
  if (ended) FAIL("no more frames come");  // nor would those that the rest of the case waits for
}

void AmqpLink::exchange(std::string_view out, std::string_view in) {
  send(out);
  expect(in);
}

void AmqpLink::expect_silence() {
  CHECK(unframed_.empty());
  CHECK(client_.is_silent());
}

void AmqpLink::expect_closed() {
  CHECK(shown(client_.read_until_closed()) == "nothing");
}

void AmqpLink::open() {
  exchange("amqp-header", "amqp-header");
  exchange(kOpen, kOpened);
  exchange(kBegin, kBegun);
}

void AmqpLink::attach_cbs() {
  exchange("[1 begin (- 43 70 0000ffff 70 0000ffff)]", "[1 begin (60 0001 43 52 40 70 7fffffff 70 00001fff - - -)]");
  exchange(R"([1 attach ("$cbs-sender" 43 false - - source ("$cbs") target ("$cbs") - - 43)])",
           R"([1 attach ("$cbs-sender" 43 true 50 02 50 00 source ("$cbs" 43 - 43 false - - - - - -)
                 target ("$cbs" 43 - 43 false - -) - - 43 80 0000000000040000 - - -)]
              [1 flow (43 52 40 43 70 7fffffff 43 43 52 64 - false - -)])");
  exchange(R"([1 attach ("$cbs-receiver" 52 01 true - - source ("$cbs") target ("$cbs"))]
              [1 flow (43 70 0000ffff 43 70 0000ffff 52 01 43 52 64)])",
           R"([1 attach ("$cbs-receiver" 52 01 false 50 02 50 00 source ("$cbs" 43 - 43 false - - - - - -)
                 target ("$cbs" 43 - 43 false - -) - - 43 44 - - -)])");
}

void AmqpLink::put_token(const std::string& token) {
  names_["token"] = token;
  attach_cbs();
  exchange(R"([1 transfer (43 43 #00 43 true) properties ("1" - "$cbs" - "cbs")
                 application-properties map("operation" "put-token" "type" "servicebus.windows.net:sastoken"
                                            "name" "localhost") value "{token}"])",
           R"([1 transfer (52 01 43 #0100000000000000 43 true - - - - - -) properties (- - - - - "1")
                 application-properties map("status-code" 71 000000c8 "status-description" "OK") value -])");
}

}  // namespace iothub::test
