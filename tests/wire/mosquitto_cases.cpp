// The same hub through a client that was not written for it.
#include <doctest/doctest.h>
#include <mosquitto.h>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/wire/support/event_tables.h"
#include "tests/wire/support/patience.h"
#include "tests/wire/support/service_client.h"
#include "tests/wire/support/shared_emulator.h"

namespace iothub::test {
namespace {

void must(int result, const char* what) {
  if (result != MOSQ_ERR_SUCCESS) throw std::runtime_error(std::string(what) + ": " + mosquitto_strerror(result));
}

/// libmosquitto, run by hand in the test's thread.
class MosquittoDevice {
 public:
  MosquittoDevice(const EmulatorProcess& emulator, const Login& login, bool clean_session)
      : port_(emulator.port("mqtts")),
        client_(mosquitto_new(login.client_id().c_str(), clean_session, this)),
        topic_prefix_("devices/" + login.device + "/messages/events/") {
    const std::string user = "localhost/" + login.client_id() + "/?api-version=2021-04-12";
    must(mosquitto_username_pw_set(client_.get(), user.c_str(), login.token().c_str()), "credentials");
    must(mosquitto_tls_set(client_.get(), emulator.ca_file().c_str(), nullptr, nullptr, nullptr, nullptr), "TLS");
    must(mosquitto_max_inflight_messages_set(client_.get(), 0), "no limit in flight");
    mosquitto_connect_callback_set(
        client_.get(), [](mosquitto*, void* self, int code) { static_cast<MosquittoDevice*>(self)->connack = code; });
    mosquitto_disconnect_callback_set(
        client_.get(), [](mosquitto*, void* self, int) { static_cast<MosquittoDevice*>(self)->disconnected = true; });
    mosquitto_subscribe_callback_set(client_.get(), [](mosquitto*, void* self, int, int count, const int* codes) {
      static_cast<MosquittoDevice*>(self)->granted.assign(codes, codes + count);
    });
    mosquitto_publish_callback_set(client_.get(), [](mosquitto*, void* self, int id) {
      static_cast<MosquittoDevice*>(self)->acknowledged.push_back(id);
    });
    mosquitto_message_callback_set(client_.get(), [](mosquitto*, void* self, const mosquitto_message* message) {
      static_cast<MosquittoDevice*>(self)->received.push_back(
          std::string(message->topic) + " " +
          std::string(static_cast<const char*>(message->payload), static_cast<std::size_t>(message->payloadlen)));
    });
  }

  /// Connects and waits for CONNACK.
  void connect() {
    connack = -1;
    must(mosquitto_connect(client_.get(), "localhost", port_, 60), "connect");
    run_until([this] { return connack >= 0; });
  }
  void subscribe(const char* filter, int qos) {
    granted.clear();
    must(mosquitto_subscribe(client_.get(), nullptr, filter, qos), "subscribe");
    run_until([this] { return !granted.empty(); });
  }
  int publish_telemetry(const std::string& body) {
    int id = 0;
    must(mosquitto_publish(client_.get(), &id, topic_prefix_.c_str(), static_cast<int>(body.size()), body.data(), 1,
                           false),
         "publish");
    return id;
  }
  void disconnect() {
    must(mosquitto_disconnect(client_.get()), "disconnect");
    run_until([this] { return disconnected; });
  }

  template <typename Condition>
  void run_until(Condition condition) {
    for (const Deadline deadline; !condition();) {
      if (deadline.passed()) throw std::runtime_error("libmosquitto waits too long");
      const int result = mosquitto_loop(client_.get(), std::min(deadline.left(), 100), 1);
      if (condition()) return;
      must(result, "loop");
    }
  }

  int connack = -1;
  bool disconnected = false;
  std::vector<int> granted;
  std::vector<int> acknowledged;
  std::vector<std::string> received;  ///< topic, blank, payload

 private:
  struct Library {
    Library() { mosquitto_lib_init(); }
    ~Library() { mosquitto_lib_cleanup(); }
  };
  Library library_;
  int port_;
  std::unique_ptr<mosquitto, decltype([](mosquitto* client) { mosquitto_destroy(client); })> client_;
  std::string topic_prefix_;
};

constexpr const char* kDesired = "$iothub/twin/PATCH/properties/desired/#";

std::string patch(int version, int n) {
  const std::string number = std::to_string(version);
  return "$iothub/twin/PATCH/properties/desired/?$version=" + number + " {\"n\":" + std::to_string(n) +
         ",\"$version\":" + number + "}";
}

}  // namespace

TEST_CASE("libmosquitto gets 50 desired patches in order, and after a reconnect without subscribing") {
  constexpr int kPatches = 50;
  ServiceClient service(shared_emulator());
  const Login device = service.create("mosquitto-patches-d");
  {
    MosquittoDevice client(shared_emulator(), device, false);
    client.connect();
    CHECK(client.connack == 0);
    client.subscribe(kDesired, 1);
    CHECK(client.granted == std::vector{1});
    std::vector<std::string> wanted;
    for (int n = 1; n <= kPatches; ++n) {
      service.patch_desired(device, R"({"n":)" + std::to_string(n) + "}");
      wanted.push_back(patch(n + 1, n));
    }
    client.run_until([&] { return client.received.size() >= wanted.size(); });
    CHECK(client.received == wanted);
    client.disconnect();
  }
  MosquittoDevice client(shared_emulator(), device, false);
  client.connect();
  service.patch_desired(device, R"({"n":51})");
  client.run_until([&] { return !client.received.empty(); });
  CHECK(client.received == std::vector{patch(52, 51)});
}

TEST_CASE("libmosquitto has 1000 messages in flight, all acknowledged and stored in order") {
  constexpr int kMessages = 1000;
  ServiceClient service(shared_emulator());
  const Login device = service.create("mosquitto-flight-d");
  MosquittoDevice client(shared_emulator(), device, true);
  client.connect();
  std::vector<int> sent;
  for (int i = 0; i < kMessages; ++i) sent.push_back(client.publish_telemetry(std::to_string(i)));
  client.run_until([&] { return client.acknowledged.size() >= sent.size(); });
  CHECK(client.acknowledged == sent);
  const auto events = stored_events(shared_database(), device.device);
  REQUIRE(events.size() == std::size_t{kMessages});
  CHECK(events.front().body == "0");
  CHECK(events.back().body == std::to_string(kMessages - 1));
}

TEST_CASE("libmosquitto with a wrong key is told that it is not authorized") {
  ServiceClient service(shared_emulator());
  Login device = service.create("mosquitto-wrong-d");
  device.key = "YW5vdGhlciBrZXksIHdob2xseSB3cm9uZw==";
  MosquittoDevice client(shared_emulator(), device, true);
  client.connect();
  CHECK(client.connack == 5);
}

}  // namespace iothub::test
