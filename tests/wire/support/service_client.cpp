#include "tests/wire/support/service_client.h"

#include <httplib.h>

#include <chrono>
#include <stdexcept>

#include "protocol/text/percent.h"
#include "tests/unit/support/sas.h"
#include "tests/wire/support/patience.h"

namespace iothub::test {
namespace {

std::string field(const std::string& connection_string, const std::string& name) {
  const std::size_t found = connection_string.find(name + "=");
  if (found == std::string::npos) throw std::runtime_error("the connection string has no " + name);
  const std::size_t begin = found + name.size() + 1;
  return connection_string.substr(begin, connection_string.find(';', begin) - begin);
}

std::string twin_path(const Login& of) {
  return "/twins/" + of.device + (of.module.empty() ? "" : "/modules/" + of.module);
}

}  // namespace

std::int64_t unix_now() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string Login::resource() const {
  return text::percent_encode("localhost/devices/" + device + (module.empty() ? "" : "/modules/" + module));
}

std::string Login::token(std::int64_t seconds) const {
  return sas_token(resource(), key, unix_now() + seconds);
}

ServiceClient::ServiceClient(const EmulatorProcess& emulator)
    : http_(std::make_unique<httplib::SSLClient>("localhost", emulator.port("https"))) {
  const std::string& owner = emulator.connection_strings().at("iothubowner");
  authorization_ = sas_token("localhost", field(owner, "SharedAccessKey"), unix_now() + 3600, "iothubowner");
  http_->set_ca_cert_path(emulator.ca_file().c_str());
  http_->enable_server_certificate_verification(true);
  http_->set_keep_alive(true);
  http_->set_tcp_nodelay(true);
  http_->set_connection_timeout(patience());
  http_->set_read_timeout(patience());
  http_->set_write_timeout(patience());
}

ServiceClient::~ServiceClient() = default;

ServiceClient::Answer ServiceClient::request(const std::string& method, const std::string& path,
                                             const std::string& body, const std::string& if_match) {
  httplib::Request request;
  request.method = method;
  request.path = path + (path.find('?') == std::string::npos ? "?" : "&") + "api-version=2021-04-12";
  request.headers = {{"Authorization", authorization_}};
  if (!if_match.empty()) request.headers.emplace("If-Match", if_match);
  if (!body.empty()) {
    request.body = body;
    request.headers.emplace("Content-Type", "application/json; charset=utf-8");
  }
  const httplib::Result result = http_->send(request);
  if (!result) throw std::runtime_error(method + " " + path + ": " + httplib::to_string(result.error()));
  return {result->status, result->body.empty() ? nlohmann::json() : nlohmann::json::parse(result->body)};
}

nlohmann::json ServiceClient::must(const std::string& method, const std::string& path, const std::string& body,
                                   const std::string& if_match) {
  Answer answer = request(method, path, body, if_match);
  if (answer.status / 100 == 2) return std::move(answer.body);
  throw std::runtime_error(method + " " + path + ": " + std::to_string(answer.status) + " " + answer.body.dump());
}

Login ServiceClient::create(const std::string& device) {
  const nlohmann::json made = must("PUT", "/devices/" + device, nlohmann::json{{"deviceId", device}}.dump());
  return {device, {}, made.at("authentication").at("symmetricKey").at("primaryKey").get<std::string>()};
}

Login ServiceClient::create(const std::string& device, const std::string& module) {
  const nlohmann::json made = must("PUT", "/devices/" + device + "/modules/" + module,
                                   nlohmann::json{{"deviceId", device}, {"moduleId", module}}.dump());
  return {device, module, made.at("authentication").at("symmetricKey").at("primaryKey").get<std::string>()};
}

void ServiceClient::patch_desired(const Login& of, const std::string& desired) {
  must("PATCH", twin_path(of), R"({"properties":{"desired":)" + desired + "}}");
}

nlohmann::json ServiceClient::twin(const Login& of) {
  return must("GET", twin_path(of));
}

std::string ServiceClient::connection_state(const std::string& device) {
  return must("GET", "/devices/" + device).at("connectionState").get<std::string>();
}

void ServiceClient::set_status(const Login& device, const std::string& status) {
  nlohmann::json identity = must("GET", "/devices/" + device.device);
  identity["status"] = status;
  must("PUT", "/devices/" + device.device, identity.dump(), "*");
}

}  // namespace iothub::test
