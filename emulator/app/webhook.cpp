#include "emulator/app/webhook.h"

#include <httplib.h>

#include <chrono>
#include <utility>

#include "emulator/app/file_endpoint.h"

namespace iothub::app {
namespace {

constexpr std::chrono::seconds kConnectTime{5};
constexpr std::chrono::seconds kAnswerTime{30};

/// `http://host:port` and the path with its query.
std::pair<std::string, std::string> split(const std::string& url) {
  const std::size_t path = url.find('/', url.find("://") + 3);
  if (path == std::string::npos) return {url, "/"};
  return {url.substr(0, path), url.substr(path)};
}

}  // namespace

using hub::routing::Delivery;

Webhook::Webhook(hub::routing::WebhookSettings settings) : settings_(std::move(settings)) {}

Delivery Webhook::deliver(const std::vector<storage::EventRow>& events, std::stop_token stop) {
  const auto [server, path] = split(settings_.url);
  httplib::Client client(server);
  if (!client.is_valid()) return {0, "'" + server + "' is no address of a server"};
  client.set_keep_alive(true);
  client.set_tcp_nodelay(true);
  client.set_connection_timeout(kConnectTime);
  client.set_read_timeout(kAnswerTime);
  client.set_write_timeout(kAnswerTime);
  if (!settings_.ca_file.empty()) client.set_ca_cert_path(settings_.ca_file);
  const httplib::Headers headers(settings_.headers.begin(), settings_.headers.end());
  const std::stop_callback end_early(stop, [&client] { client.stop(); });
  for (std::size_t sent = 0; sent < events.size(); ++sent) {
    if (stop.stop_requested()) return {sent, "the hub stops"};
    const httplib::Result answer = client.Post(path, headers, stored_message(events[sent]), "application/json");
    if (!answer) return {sent, server + ": " + httplib::to_string(answer.error())};
    if (answer->status / 100 != 2) return {sent, server + " answers " + std::to_string(answer->status)};
  }
  return {events.size(), {}};
}

}  // namespace iothub::app
