#include "emulator/app/hub_client.h"

#include <httplib.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "emulator/hub/limits.h"
#include "emulator/hub/sas_token.h"
#include "protocol/text/percent.h"

namespace iothub::app {
namespace {

constexpr const char* kApiVersion = "api-version=2021-04-12";
constexpr std::chrono::seconds kTokenLife{60};
constexpr std::chrono::seconds kConnectTime{3};
constexpr std::chrono::seconds kAnswerTime{5};
constexpr int kOk = 200;
constexpr int kUnauthorized = 401;

std::string_view text_of(httplib::Error error) {
  switch (error) {
    case httplib::Error::Connection:
      return "nothing accepts connections there";
    case httplib::Error::SSLConnection:
      return "the TLS handshake failed";
    case httplib::Error::SSLServerVerification:
      return "its certificate is not of this emulator's CA (give the hub's --ca-dir)";
    case httplib::Error::Read:
    case httplib::Error::Write:
      return "it closed the connection or did not answer in time";
    default:
      return "the request failed";
  }
}

std::string answer_text(int status, const std::string& error_code) {
  return "the hub answers " + std::to_string(status) + (error_code.empty() ? "" : " " + error_code);
}

}  // namespace

HubClient::HubClient(ConnectionString hub, std::vector<std::filesystem::path> ca_files)
    : hub_(std::move(hub)), ca_files_(std::move(ca_files)) {}

HubClient::Answer HubClient::service(const char* method, const std::string& path, const std::string& json,
                                     const char* if_match, std::chrono::seconds patience) const {
  const auto now = std::chrono::system_clock::now();
  const auto expiry = std::chrono::duration_cast<std::chrono::seconds>((now + kTokenLife).time_since_epoch()).count();
  std::optional<std::string> token = hub::sign_sas_token(hub_.host, hub_.policy, hub_.key, expiry);
  if (!token) throw HubClientError("the connection string's SharedAccessKey is not base64");
  return ask({.method = method,
              .path = path,
              .authorization = std::move(*token),
              .body = json,
              .patience = patience,
              .if_match = if_match});
}

HubClient::Answer HubClient::control(const ControlRequest& request) const {
  return ask({.method = request.method,
              .path = "/_emulator/" + request.path,
              .authorization = request.token.empty() ? std::string() : "Bearer " + request.token,
              .body = request.body,
              .patience = request.patience,
              .stream = request.stream});
}

HubClient::Answer HubClient::ask(const Asked& asked) const {
  httplib::Request request;
  request.method = asked.method;
  request.path = asked.path;
  request.body = asked.body;
  if (!asked.authorization.empty()) request.headers.emplace("Authorization", asked.authorization);
  if (asked.if_match != nullptr) request.headers.emplace("If-Match", asked.if_match);
  if (!asked.body.empty()) request.headers.emplace("Content-Type", "application/json");
  if (asked.stream) {
    request.content_receiver = [&asked](const char* data, std::size_t size, std::uint64_t, std::uint64_t) {
      return asked.stream({data, size});
    };
  }
  std::string failure = "no CA file to check its certificate by (give --ca-dir or SSL_CERT_FILE)";
  for (const auto& ca_file : ca_files_) {
    std::error_code unreadable;
    if (!std::filesystem::exists(ca_file, unreadable)) continue;
    httplib::SSLClient client(hub_.host, hub_.port);
    client.set_ca_cert_path(ca_file.string());
    client.enable_server_certificate_verification(true);
    client.set_tcp_nodelay(true);  // else the request waits 40 ms for the handshake's delayed acknowledgement
    client.set_connection_timeout(kConnectTime);
    client.set_read_timeout(asked.patience);
    client.set_write_timeout(kAnswerTime);
    httplib::Request sent = request;
    const httplib::Result result = client.send(sent);
    if (result) return {result->status, result->get_header_value("iothub-errorcode"), result->body};
    failure = text_of(result.error());
    if (result.error() != httplib::Error::SSLServerVerification) break;  // another CA would not change that
  }
  throw HubClientError("no answer from " + hub_.host + " port " + std::to_string(hub_.port) + ": " + failure);
}

void HubClient::check_health() const {
  const Answer answer = get(std::string("/devices?top=1&") + kApiVersion);
  if (answer.status == kOk || answer.status == kUnauthorized) return;
  throw HubClientError(answer_text(answer.status, answer.error_code));
}

void HubClient::put_devices(const std::map<std::string, std::string>& keys) const {
  auto entries = nlohmann::json::array();
  const auto send = [&] {
    const Answer answer = service("POST", std::string("/devices?") + kApiVersion, entries.dump());
    const auto result = nlohmann::json::parse(answer.body, nullptr, false);
    if (answer.status != kOk || !result.is_object() || !result.value("isSuccessful", false)) {
      throw HubClientError("the devices could not be registered: " + answer_text(answer.status, answer.error_code) +
                           " " + answer.body.substr(0, 200));
    }
    entries.clear();
  };
  for (const auto& [id, key] : keys) {
    entries.push_back(
        {{"id", id},
         {"importMode", "createOrUpdate"},
         {"status", "enabled"},
         {"authentication", {{"type", "sas"}, {"symmetricKey", {{"primaryKey", key}, {"secondaryKey", key}}}}}});
    if (entries.size() == hub::kMaxBulkEntries) send();
  }
  if (!entries.empty()) send();
}

std::string HubClient::primary_key(const hub::Identity& identity) const {
  std::string path = "/devices/" + text::percent_encode(identity.device.value);
  if (identity.is_module()) path += "/modules/" + text::percent_encode(identity.module.value);
  const Answer answer = get(path + "?" + kApiVersion);
  if (answer.status != kOk) {
    throw HubClientError("no connection string of '" + identity.name() +
                         "': " + answer_text(answer.status, answer.error_code));
  }
  const auto json = nlohmann::json::parse(answer.body, nullptr, false);
  const nlohmann::json::json_pointer pointer("/authentication/symmetricKey/primaryKey");
  const std::string key =
      json.is_object() && json.contains(pointer) && json[pointer].is_string() ? json[pointer].get<std::string>() : "";
  if (key.empty()) throw HubClientError("'" + identity.name() + "' has no symmetric key: it connects by certificate");
  return key;
}

}  // namespace iothub::app
