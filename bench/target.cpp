#include "bench/target.h"

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <span>
#include <stdexcept>

#include "protocol/text/base64.h"
#include "protocol/text/percent.h"

namespace iothub::bench {
namespace {

constexpr std::int64_t kTokenLifetimeSeconds = 24 * 60 * 60;

std::string sas_token(std::string_view resource, std::string_view base64_key, std::string_view policy) {
  const auto key = text::base64_decode(base64_key);
  if (!key) throw std::runtime_error("a key is not base64");
  const std::string encoded = text::percent_encode(resource);
  const std::string expiry = std::to_string(std::time(nullptr) + kTokenLifetimeSeconds);
  const std::string message = encoded + "\n" + expiry;
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  HMAC(EVP_sha256(), key->data(), static_cast<int>(key->size()), reinterpret_cast<const unsigned char*>(message.data()),
       message.size(), digest.data(), &size);
  const std::string signature = text::base64_encode(std::as_bytes(std::span(digest.data(), size)));
  std::string token =
      "SharedAccessSignature sr=" + encoded + "&sig=" + text::percent_encode(signature) + "&se=" + expiry;
  if (!policy.empty()) token += "&skn=" + std::string(policy);
  return token;
}

/// The value of `NAME=` in `NAME=value;OTHER=value`; empty when it is not there.
std::string_view member(std::string_view connection_string, std::string_view name) {
  while (!connection_string.empty()) {
    const std::string_view part = connection_string.substr(0, connection_string.find(';'));
    connection_string.remove_prefix(std::min(part.size() + 1, connection_string.size()));
    if (part.starts_with(name) && part.substr(name.size()).starts_with('=')) return part.substr(name.size() + 1);
  }
  return {};
}

SSL_CTX* new_client_context() {
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  if (context == nullptr) throw std::runtime_error("OpenSSL gives no context");
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_read_ahead(context, 1);
  // Checking the certificate would only spend the load generator's time: every server is given a chain of one length.
  SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr);
  return context;
}

}  // namespace

Target::Target(pid_t process, Ports ports, std::string_view service_connection_string)
    : process_(process), ports_(ports), tls_(new_client_context(), &SSL_CTX_free) {
  if (service_connection_string.empty()) return;
  const std::string_view host = member(service_connection_string, "HostName");
  host_name_ = host.substr(0, host.find(':'));
  policy_ = member(service_connection_string, "SharedAccessKeyName");
  policy_key_ = member(service_connection_string, "SharedAccessKey");
  if (host_name_.empty() || policy_.empty() || policy_key_.empty()) {
    throw std::runtime_error("not a service connection string: HostName, SharedAccessKeyName, SharedAccessKey");
  }
}

std::string_view Target::device_key() {
  return "YmVuY2htYXJrIGRldmljZXMgc2hhcmUgdGhpcyBrZXk=";
}

Credentials Target::credentials(std::size_t device) const {
  const std::string id = device_id(device);
  if (!is_hub()) return {.client_id = id, .user_name = {}, .password = {}};
  return {.client_id = id,
          .user_name = host_name_ + "/" + id + "/?api-version=2021-04-12",
          .password = device_token(device)};
}

std::string Target::device_token(std::size_t device) const {
  return sas_token(host_name_ + "/devices/" + device_id(device), device_key(), {});
}

std::string Target::service_token() const {
  return is_hub() ? sas_token(host_name_, policy_key_, policy_) : std::string();
}

std::string Target::patch_filter(std::size_t device) const {
  return is_hub() ? "$iothub/twin/PATCH/properties/desired/#" : "devices/" + device_id(device) + "/patch/#";
}

std::string Target::broker_patch_topic(std::size_t device, std::size_t version) {
  return "devices/" + device_id(device) + "/patch/?$version=" + std::to_string(version);
}

Endpoint Target::websocket() const {
  Endpoint endpoint = https();
  endpoint.websocket_path = "/$iothub/websocket";
  return endpoint;
}

Endpoint Target::endpoint(std::uint16_t port) const {
  Endpoint endpoint{.address = {}, .tls = tls_.get(), .host_name = host_name_, .websocket_path = {}};
  endpoint.address.sin_family = AF_INET;
  endpoint.address.sin_port = htons(port);
  endpoint.address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return endpoint;
}

}  // namespace iothub::bench
