#include "emulator/app/route_endpoints.h"

#include "emulator/app/config.h"
#include "emulator/app/file_endpoint.h"
#include "emulator/app/file_text.h"
#include "emulator/app/mqtt_bridge.h"
#include "emulator/app/webhook.h"
#include "emulator/app/worker_courier.h"
#include "emulator/hub/routing/endpoint_queue.h"
#include "emulator/net/event_loop.h"

namespace iothub::app {
namespace {

using hub::routing::EndpointQueue;
using hub::routing::RouteEndpoint;

struct Opener {
  const std::string& name;
  storage::Store& store;
  net::EventLoop& loop;

  std::unique_ptr<RouteEndpoint> operator()(const hub::routing::FileSettings& file) const {
    return std::make_unique<FileEndpoint>(file.path);
  }
  std::unique_ptr<RouteEndpoint> operator()(const hub::routing::WebhookSettings& webhook) const {
    return queue(std::make_unique<Webhook>(webhook));
  }
  std::unique_ptr<RouteEndpoint> operator()(const hub::routing::MqttSettings& mqtt) const {
    return queue(std::make_unique<MqttBridge>(mqtt));
  }
  std::unique_ptr<RouteEndpoint> queue(std::unique_ptr<BlockingCourier> courier) const {
    return std::make_unique<EndpointQueue>(name, store, loop.scheduler(),
                                           std::make_unique<WorkerCourier>(loop, std::move(courier)));
  }
};

}  // namespace

hub::routing::Routes read_routes(const std::filesystem::path& file) {
  const std::optional<std::string> text = read_text(file);
  if (!text) throw ConfigError("cannot read the routes file " + file.string());
  hub::Result<hub::routing::Routes> routes = hub::routing::parse_routes(*text);
  if (!routes) throw ConfigError(file.string() + ": " + routes.error().message);
  return std::move(*routes);
}

std::unique_ptr<RouteEndpoint> open_endpoint(const hub::routing::EndpointDescription& endpoint, storage::Store& store,
                                             net::EventLoop& loop) {
  return std::visit(Opener{endpoint.name, store, loop}, endpoint.settings);
}

hub::routing::RouteEndpoints open_endpoints(const hub::routing::Routes& routes, storage::Store& store,
                                            net::EventLoop& loop) {
  hub::routing::RouteEndpoints endpoints;
  for (const hub::routing::EndpointDescription& endpoint : routes.endpoints) {
    endpoints[endpoint.name] = open_endpoint(endpoint, store, loop);
  }
  return endpoints;
}

}  // namespace iothub::app
