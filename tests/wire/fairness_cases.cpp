// Many clients, slow clients and clients that leave: nobody waits for them (issue: the edge of the surface).
#include <doctest/doctest.h>
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/wire/support/http_link.h"
#include "tests/wire/support/mqtt_link.h"

namespace iothub::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

std::string method_request(HttpLink& link, const std::string& device, const std::string& name) {
  return link.request(
      "POST /twins/" + device + "/methods", {},
      R"({"methodName":")" + name + R"(","payload":{},"responseTimeoutInSeconds":60,"connectTimeoutInSeconds":60})");
}

/// Until the emulator ends the link.
milliseconds time_until_closed(WireClient& client, Clock::time_point begun, milliseconds patience_for_it) {
  const Deadline deadline(patience_for_it);
  while (!client.closed() && !deadline.passed()) {
    client.read_available();
    std::this_thread::sleep_for(milliseconds{50});
  }
  return std::chrono::duration_cast<milliseconds>(Clock::now() - begun);
}

}  // namespace

TEST_CASE("a direct method whose caller hangs up is cancelled: the device never sees it") {
  ServiceClient service(shared_emulator());
  const Login login = service.create("hang-up-d");
  HttpLink leaves(service);
  leaves.client.send(method_request(leaves, login.device, "left"));
  CHECK(leaves.client.is_silent());
  leaves.client.drop();

  // Also one whose requests behind it wait to be read.
  HttpLink pipelines(service);
  pipelines.client.send(method_request(pipelines, login.device, "left") + pipelines.request("GET /devices"));
  CHECK(pipelines.client.is_silent());
  pipelines.client.drop();

  HttpLink stays(service);
  stays.client.send(method_request(stays, login.device, "stayed"));
  CHECK(stays.client.is_silent());

  MqttLink device(shared_emulator(), login);
  device.connect();
  device.exchange(R"(82 [0001 "$iothub/methods/POST/#" 00])", "90 03 0001 00");
  const Published call = device.read_publish();
  CHECK(call.topic.starts_with("$iothub/methods/POST/stayed/?$rid="));
  const std::string request_id = call.topic.substr(call.topic.find('=') + 1);
  device.expect_alive();  // no other call came

  device.send("30 [\"$iothub/methods/res/200/?$rid=" + request_id + "\" '{}']");
  CHECK(stays.read_response().body == R"({"status":200,"payload":{}})");
}

TEST_CASE("the late answer to a method whose caller hung up is dropped, and the next call is served") {
  ServiceClient service(shared_emulator());
  const Login login = service.create("late-answer-d");
  MqttLink device(shared_emulator(), login);
  device.connect();
  device.exchange(R"(82 [0001 "$iothub/methods/POST/#" 00])", "90 03 0001 00");
  const auto answer = [&](const Published& call) {
    const std::string request_id = call.topic.substr(call.topic.find('=') + 1);
    device.send("30 [\"$iothub/methods/res/200/?$rid=" + request_id + "\" '1']");
  };

  HttpLink leaves(service);
  leaves.client.send(method_request(leaves, login.device, "left"));
  const Published left = device.read_publish();
  leaves.client.drop();
  CHECK(service.request("GET", "/devices/late-answer-d").status == 200);  // a round trip: the end was seen
  answer(left);
  device.expect_alive();

  HttpLink stays(service);
  stays.client.send(method_request(stays, login.device, "stayed"));
  answer(device.read_publish());
  CHECK(stays.read_response().body == R"({"status":200,"payload":1})");
}

TEST_CASE("a hundred links are served alike, beside one that asks without end") {
  constexpr int kLinks = 100;
  ServiceClient service(shared_emulator());
  service.create("fair-d");
  std::vector<std::unique_ptr<HttpLink>> links;
  for (int i = 0; i < kLinks; ++i) links.push_back(std::make_unique<HttpLink>(service));
  const std::string request = links.front()->request("GET /devices/fair-d");
  std::string flood;
  for (int i = 0; i < 100; ++i) flood += request;
  HttpLink greedy(service);

  std::vector<int> served(kLinks, 0);
  std::vector<Clock::time_point> asked(kLinks, Clock::now());
  milliseconds longest{0};
  for (auto& link : links) link->client.send(request);
  greedy.client.send(flood);
  const Deadline end(seconds{3});
  std::size_t greedy_bytes = 0;
  while (!end.passed()) {
    for (int i = 0; i < kLinks; ++i) {
      const auto index = static_cast<std::size_t>(i);
      const std::string answer = links[index]->client.read_available();
      if (answer.empty()) continue;
      CHECK(answer.starts_with("HTTP/1.1 200 OK"));
      ++served[index];
      longest = std::max(longest, std::chrono::duration_cast<milliseconds>(Clock::now() - asked[index]));
      asked[index] = Clock::now();
      links[index]->client.send(request);
    }
    const std::size_t taken = greedy.client.read_available().size();
    greedy_bytes += taken;
    if (taken > 0) greedy.client.send(flood);
  }
  const auto [least, most] = std::minmax_element(served.begin(), served.end());
  MESSAGE("answers a link: " << *least << " to " << *most << ", longest wait " << longest.count() << " ms");
  CHECK(greedy_bytes > 0);
  CHECK(*least > 3);
  CHECK(*most <= 2 * *least + 2);  // each is asked in its turn
}

TEST_CASE("clients that are slow with their head, their body or their answer lose the link after half a minute") {
  ServiceClient service(shared_emulator());
  const std::string padding(7000, 'x');
  for (int i = 0; i < 300; ++i) {
    const std::string id = "slow-" + std::to_string(i);
    service.create(id);
    service.must("PATCH", "/twins/" + id,
                 R"({"tags":{"a":")" + padding.substr(0, 4000) + R"(","b":")" + padding.substr(0, 3500) + "\"}}");
  }
  const auto begun = Clock::now();
  HttpLink slow_head(service), slow_body(service), slow_reader(service), patient(service);
  const std::string request = slow_head.request("PUT /devices/slow-new", {}, R"({"deviceId":"slow-new"})");
  slow_body.client.send(request.substr(0, request.size() - 10));
  // Two pages of twins, larger than what sockets hold, which are never read.
  const std::string query =
      slow_reader.request("POST /devices/query", "x-ms-max-item-count: 1000\r\n",
                          R"q({"query":"SELECT * FROM devices WHERE STARTSWITH(deviceId, 'slow-')"})q");
  slow_reader.client.send(query + query);

  std::size_t dripped = 0;
  milliseconds head{0}, body{0};
  const auto look_at = [&](HttpLink& link, milliseconds& time) {
    const std::string answer = link.client.read_available();
    if (answer.empty()) return;
    CHECK(answer.starts_with("HTTP/1.1 408 Request Timeout"));
    time = std::chrono::duration_cast<milliseconds>(Clock::now() - begun);
  };
  const Deadline deadline(seconds{50} * slowness());
  while ((!slow_head.client.closed() || !slow_body.client.closed()) && !deadline.passed()) {
    look_at(slow_head, head);
    look_at(slow_body, body);
    // A byte now and then does not help.
    if (!slow_head.client.closed() && head.count() == 0) slow_head.client.send(request.substr(dripped++, 1));
    CHECK(patient.exchange(patient.request("GET /devices/slow-1")).status_line == "HTTP/1.1 200 OK");
    std::this_thread::sleep_for(milliseconds{500});
  }
  CHECK(slow_head.client.closed());
  CHECK(slow_body.client.closed());
  CHECK(head >= seconds{29});
  CHECK(body >= seconds{29});
  // Its answer filled the sockets soon after it was asked for; now the link is dead, and what is left ends early.
  std::this_thread::sleep_for(seconds{1} * slowness());
  const milliseconds reader = time_until_closed(slow_reader.client, begun, seconds{10} * slowness());
  CHECK(slow_reader.client.closed());
  MESSAGE("slow head " << head.count() << " ms, slow body " << body.count() << " ms, slow reader seen closed after "
                       << reader.count() << " ms");
}

}  // namespace iothub::test
