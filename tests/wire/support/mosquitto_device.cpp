#include "tests/wire/support/mosquitto_device.h"

#include <sys/socket.h>

namespace iothub::test {
namespace {

void must(int result, const char* what) {
  if (result != MOSQ_ERR_SUCCESS) throw std::runtime_error(std::string(what) + ": " + mosquitto_strerror(result));
}

MosquittoDevice& self_of(void* self) {
  return *static_cast<MosquittoDevice*>(self);
}

const char* none_if_empty(const std::string& text) {
  return text.empty() ? nullptr : text.c_str();
}

}  // namespace

MosquittoDevice::MosquittoDevice(const EmulatorProcess& emulator, const Login& login, const Options& options)
    : port_(emulator.port("mqtts")),
      keep_alive_(options.keep_alive),
      client_(mosquitto_new(login.client_id().c_str(), options.clean_session, this)),
      events_("devices/" + login.device + (login.module.empty() ? "" : "/modules/" + login.module) +
              "/messages/events/") {
  mosquitto* const client = client_.get();
  const std::string user = "localhost/" + login.client_id() + "/?api-version=2021-04-12";
  const std::string token = options.certificate_file.empty() ? login.token() : std::string();
  must(mosquitto_int_option(client, MOSQ_OPT_PROTOCOL_VERSION, options.protocol), "protocol version");
  must(mosquitto_username_pw_set(client, user.c_str(), none_if_empty(token)), "credentials");
  must(mosquitto_tls_set(client, emulator.ca_file().c_str(), nullptr, none_if_empty(options.certificate_file),
                         none_if_empty(options.key_file), nullptr),
       "TLS");
  must(mosquitto_max_inflight_messages_set(client, 0), "no limit in flight");
  mosquitto_connect_callback_set(client, [](mosquitto*, void* self, int code) { self_of(self).connack = code; });
  mosquitto_disconnect_callback_set(client, [](mosquitto*, void* self, int) { self_of(self).disconnected = true; });
  mosquitto_subscribe_callback_set(client, [](mosquitto*, void* self, int, int count, const int* codes) {
    self_of(self).granted.assign(codes, codes + count);
  });
  mosquitto_unsubscribe_callback_set(client, [](mosquitto*, void* self, int) { self_of(self).unsubscribed_ = true; });
  mosquitto_publish_callback_set(client,
                                 [](mosquitto*, void* self, int id) { self_of(self).acknowledged.push_back(id); });
  mosquitto_message_callback_set(client, [](mosquitto*, void* self, const mosquitto_message* message) {
    MosquittoDevice& device = self_of(self);
    device.received.push_back(
        std::string(message->topic) + " " +
        std::string(static_cast<const char*>(message->payload), static_cast<std::size_t>(message->payloadlen)));
    device.received_qos.push_back(message->qos);
    device.received_retained |= message->retain;
  });
}

void MosquittoDevice::set_will(const std::string& topic, const std::string& payload, bool retain) {
  must(mosquitto_will_set(client_.get(), topic.c_str(), static_cast<int>(payload.size()), payload.data(), 1, retain),
       "will");
}

void MosquittoDevice::connect() {
  connack = -1;
  disconnected = false;
  must(mosquitto_connect(client_.get(), "localhost", port_, keep_alive_), "connect");
  run_until([this] { return connack >= 0; });
}

void MosquittoDevice::connect_accepted() {
  connect();
  if (connack != 0) throw std::runtime_error("CONNACK " + std::to_string(connack));
}

void MosquittoDevice::subscribe(const std::string& filter, int qos) {
  granted.clear();
  must(mosquitto_subscribe(client_.get(), nullptr, filter.c_str(), qos), "subscribe");
  run_until([this] { return !granted.empty() || disconnected; });
}

void MosquittoDevice::unsubscribe(const std::string& filter) {
  unsubscribed_ = false;
  must(mosquitto_unsubscribe(client_.get(), nullptr, filter.c_str()), "unsubscribe");
  run_until([this] { return unsubscribed_; });
}

int MosquittoDevice::publish(const std::string& topic, const std::string& body, int qos, bool retain) {
  int id = 0;
  must(mosquitto_publish(client_.get(), &id, topic.c_str(), static_cast<int>(body.size()), body.data(), qos, retain),
       "publish");
  return id;
}

void MosquittoDevice::publish_acknowledged(const std::string& topic, const std::string& body, bool retain) {
  const int id = publish(topic, body, 1, retain);
  run_until([&] { return std::find(acknowledged.begin(), acknowledged.end(), id) != acknowledged.end(); });
}

void MosquittoDevice::drain() {
  unsubscribe("a/round/trip");  // the hub acknowledges what was never subscribed
}

void MosquittoDevice::disconnect() {
  must(mosquitto_disconnect(client_.get()), "disconnect");
  run_until([this] { return disconnected; });
}

void MosquittoDevice::drop() {
  ::shutdown(mosquitto_socket(client_.get()), SHUT_RDWR);
  run_until([this] { return disconnected; });
}

void MosquittoDevice::run_for(std::chrono::milliseconds time) {
  for (const Deadline deadline(time); !deadline.passed();) turn(std::min(deadline.left(), 100));
}

/// A lost link shows in `disconnected`.
void MosquittoDevice::turn(int milliseconds) {
  const int result = mosquitto_loop(client_.get(), milliseconds, 1);
  if (!disconnected) must(result, "loop");
}

}  // namespace iothub::test
