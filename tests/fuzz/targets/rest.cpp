// Requests of the service and of a device by HTTP: each gets one whole answer, none of them a fault of the hub, and
// what is refused has changed nothing.
#include "emulator/heads/rest/rest_session.h"
#include "emulator/hub/json.h"
#include "emulator/seed/seed.h"
#include "tests/fuzz/support/fuzz_world.h"
#include "tests/fuzz/support/http_answer.h"
#include "tests/fuzz/support/input.h"
#include "tests/fuzz/support/require.h"
#include "tests/fuzz/targets.h"
#include "tests/unit/support/fake_outbox.h"

namespace iothub::fuzz {
namespace {

constexpr std::string_view kMethods[] = {"GET", "PUT", "PATCH", "POST", "DELETE", "HEAD"};

}  // namespace

void rest(std::string_view bytes) {
  Input input(bytes);
  FuzzWorld world;
  test::FakeOutbox outbox;
  heads::rest::RestSession session(
      world.environment, heads::Peer{.connection_id = "c1", .remote_address = "127.0.0.1:50000", .certificate = {}},
      outbox);
  const std::string service = world.policy_token();
  const std::string device = world.device_token(kD1);

  // Lines of: method, whose token and headers; target; further header; then the body, with its size before it.
  for (int requests = 0; requests < 8 && !input.empty() && !outbox.closed; ++requests) {
    const std::string_view method = kMethods[input.number(1) % std::size(kMethods)];
    const std::size_t flags = input.number(1);
    std::string target(input.line());
    if ((flags & 1) == 0) {
      target += (target.find('?') == std::string::npos ? "?" : "&") + std::string("api-version=2021-04-12");
    }
    std::string request = std::string(method) + " /" + target + " HTTP/1.1\r\nHost: localhost\r\n";
    request += "Authorization: " + ((flags & 2) == 0 ? service : device) + "\r\n";
    if ((flags & 4) != 0) request += "If-Match: *\r\n";
    const std::string_view header = input.line();
    if (!header.empty()) request += std::string(header) + "\r\n";
    const std::string_view body = input.sized();
    request += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);

    const std::string before = hub::dump(seed::export_hub(world.hub));
    session.receive(bytes_of(request));
    if (outbox.websocket) return;
    for (int waits = 0; waits < 8 && outbox.bytes.empty() && !outbox.closed; ++waits) {
      world.advance(std::chrono::seconds(100));  // a direct method, or a job that goes in slices
    }
    const std::string written = outbox.take();
    std::string_view rest = written;
    bool last_refused = false;
    require(!rest.empty() || outbox.closed, "a request is answered: " + request);
    while (!rest.empty()) {
      if (method == "HEAD" && outbox.closed) return;  // of a request that cannot be read, HEAD is not known
      const auto answer = take_answer(rest, method == "HEAD");
      require(answer.has_value(), "an answer is whole: " + written);
      require(answer->status < 500 || answer->status == 501 || answer->status == 504,
              "the hub has a fault: " + request + "\n" + written);
      last_refused = answer->status >= 400 && answer->status < 500;
    }
    // What time has done meanwhile is no fault of the refused, and a bulk operation refuses device by device.
    const bool in_bulk = target.starts_with("devices?") || target.starts_with("devices/?");
    if (last_refused && !in_bulk && world.clock.now() == test::FakeClock().now()) {
      const std::string after = hub::dump(seed::export_hub(world.hub));
      require(after == before,
              "a refused request changed the hub: " + request + "\n" + written + before + "\n" + after);
    }
  }
  session.closed("the input ends");
}

}  // namespace iothub::fuzz
