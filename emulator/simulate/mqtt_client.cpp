#include "emulator/simulate/mqtt_client.h"

#include <mosquitto.h>

#include <algorithm>
#include <cstdlib>
#include <stdexcept>
#include <utility>

#include "protocol/text/percent.h"

namespace iothub::simulate {
namespace {

constexpr std::string_view kMethodTopic = "$iothub/methods/POST/";
constexpr std::string_view kTwinAnswerTopic = "$iothub/twin/res/";
constexpr std::string_view kDesiredTopic = "$iothub/twin/PATCH/properties/desired/";
constexpr std::string_view kDevicebound = "/devicebound/";
constexpr int kKeepAliveSeconds = 60;

void require(int code, const char* what) {
  if (code != MOSQ_ERR_SUCCESS) throw std::runtime_error(std::string(what) + ": " + mosquitto_strerror(code));
}

}  // namespace

MqttClient::Library::Library() {
  mosquitto_lib_init();
}

MqttClient::Library::~Library() {
  mosquitto_lib_cleanup();
}

MqttClient::MqttClient(MqttClientOptions options) : options_(std::move(options)) {
  client_ = mosquitto_new(options_.id.c_str(), true, this);
  if (client_ == nullptr) throw std::runtime_error("libmosquitto has no memory for a client");
  require(mosquitto_tls_set(client_, options_.ca_file.c_str(), nullptr, nullptr, nullptr, nullptr),
          "the hub's CA file cannot be used");
  require(mosquitto_int_option(client_, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V311), "MQTT 3.1.1");
  mosquitto_max_inflight_messages_set(client_, 0);
  mosquitto_connect_callback_set(
      client_, [](mosquitto*, void* self, int code) { static_cast<MqttClient*>(self)->answered(code); });
  mosquitto_disconnect_callback_set(client_, [](mosquitto*, void* self, int code) {
    static_cast<MqttClient*>(self)->ended(code == MOSQ_ERR_SUCCESS ? "" : mosquitto_strerror(code));
  });
  mosquitto_publish_callback_set(
      client_, [](mosquitto*, void* self, int message) { static_cast<MqttClient*>(self)->acknowledged(message); });
  mosquitto_subscribe_callback_set(
      client_, [](mosquitto*, void* self, int, int, const int*) { static_cast<MqttClient*>(self)->subscribed(); });
  mosquitto_message_callback_set(client_, [](mosquitto*, void* self, const mosquitto_message* message) {
    static_cast<MqttClient*>(self)->dispatch(*message);
  });
}

MqttClient::~MqttClient() {
  mosquitto_destroy(client_);
}

int MqttClient::socket() const {
  return mosquitto_socket(client_);
}

bool MqttClient::wants_write() const {
  return mosquitto_want_write(client_);
}

int MqttClient::read() {
  return mosquitto_loop_read(client_, 1);
}

int MqttClient::write() {
  return mosquitto_loop_write(client_, 1);
}

int MqttClient::misc() {
  return mosquitto_loop_misc(client_);
}

void MqttClient::leave() {
  if (socket() >= 0) mosquitto_disconnect(client_);
}

std::string MqttClient::connect(const std::string& password) {
  const std::string user = options_.host + "/" + options_.id +
                           "/?api-version=2021-04-12&DeviceClientType=iothub-emulator%20" + options_.client_type;
  require(mosquitto_username_pw_set(client_, user.c_str(), password.c_str()), "user name and password");
  const int code = mosquitto_connect(client_, options_.address.c_str(), options_.port, kKeepAliveSeconds);
  return code == MOSQ_ERR_SUCCESS ? std::string() : mosquitto_strerror(code);
}

void MqttClient::subscribe() {
  const std::string c2d = "devices/" + options_.id + "/messages/devicebound/#";
  for (const char* topic :
       {"$iothub/methods/POST/#", "$iothub/twin/res/#", "$iothub/twin/PATCH/properties/desired/#"}) {
    mosquitto_subscribe(client_, nullptr, topic, 0);
  }
  mosquitto_subscribe(client_, nullptr, c2d.c_str(), 1);
}

int MqttClient::publish(const std::string& topic, const std::string& payload, int qos) {
  int message = 0;
  const int code =
      mosquitto_publish(client_, &message, topic.c_str(), static_cast<int>(payload.size()), payload.data(), qos, false);
  return code == MOSQ_ERR_SUCCESS ? message : 0;
}

std::string MqttClient::method_answer_topic(int status, const std::string& request) {
  return "$iothub/methods/res/" + std::to_string(status) + "/" + request;
}

std::string MqttClient::reported_topic(int request) {
  return "$iothub/twin/PATCH/properties/reported/?$rid=" + std::to_string(request);
}

void MqttClient::dispatch(const mosquitto_message& message) {
  std::string_view topic = message.topic;
  const std::string_view payload(static_cast<const char*>(message.payload),
                                 static_cast<std::size_t>(message.payloadlen));
  if (topic.starts_with(kMethodTopic)) {  // NAME/?$rid=ID
    topic.remove_prefix(kMethodTopic.size());
    const std::size_t request = topic.find("?$rid=");
    if (request == topic.npos) return;
    const std::string name = text::percent_decode(topic.substr(0, topic.find('/'))).value_or(std::string());
    called(name, std::string(topic.substr(request)), payload);
  } else if (topic.starts_with(kTwinAnswerTopic)) {  // STATUS/?$rid=ID and more behind it
    topic.remove_prefix(kTwinAnswerTopic.size());
    const std::size_t request = topic.find("$rid=");
    if (request == topic.npos) return;
    twin_answered(std::atoi(std::string(topic).c_str()), std::atoi(std::string(topic.substr(request + 5)).c_str()));
  } else if (topic.starts_with(kDesiredTopic)) {
    desired_changed(payload);
  } else {  // devices/ID/messages/devicebound/NAME=VALUE&..
    const std::size_t bag = topic.find(kDevicebound);
    received(bag == topic.npos ? std::string_view{} : topic.substr(bag + kDevicebound.size()), payload);
  }
}

}  // namespace iothub::simulate
