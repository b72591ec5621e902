// A connection by AMQP, as raw bytes from its first one. Whatever comes, the hub writes whole frames.
#include "emulator/heads/amqp/amqp_session.h"

#include "tests/fuzz/support/fuzz_world.h"
#include "tests/fuzz/support/input.h"
#include "tests/fuzz/support/require.h"
#include "tests/fuzz/targets.h"
#include "tests/unit/support/fake_outbox.h"

namespace iothub::fuzz {
namespace {

/// Protocol headers and frames, none cut off.
void require_frames(std::string_view written) {
  while (!written.empty()) {
    if (written.starts_with("AMQP")) {
      require(written.size() >= 8, "a protocol header is whole");
      written.remove_prefix(8);
      continue;
    }
    require(written.size() >= 8, "a frame has its header");
    const std::size_t size = Input(written).number(4);
    require(size >= 8 && size <= written.size(), "a frame is whole");
    require(static_cast<unsigned char>(written[4]) >= 2, "a frame's data begin behind its header");
    written.remove_prefix(size);
  }
}

}  // namespace

void amqp_session(std::string_view bytes) {
  Input input(bytes);
  FuzzWorld world;
  test::FakeOutbox outbox;
  const heads::Peer peer{.connection_id = "c1", .remote_address = "127.0.0.1:50000", .certificate = {}};
  heads::amqp_head::AmqpSession session(world.environment, peer, outbox);
  const std::size_t step = input.number(1);  // 0: as one piece
  const std::string_view sent = input.rest();
  for (std::size_t at = 0; at < sent.size() && !outbox.closed; at += step == 0 ? sent.size() : step * 16) {
    session.receive(bytes_of(sent.substr(at, step == 0 ? sent.size() : step * 16)));
    require_frames(outbox.take());
  }
  world.send_c2d("to whoever listens");
  world.patch_desired({{"interval", 5}});
  world.invoke_method("reboot", "");
  world.advance(std::chrono::seconds(90));
  require_frames(outbox.take());
  session.closed("the input ends");
}

}  // namespace iothub::fuzz
