#pragma once
/// Routes as `--routes` names them, and the endpoints that they describe.
#include <filesystem>

#include "emulator/hub/routing/routing.h"

namespace iothub::net {
class EventLoop;
}
namespace iothub::storage {
class Store;
}

namespace iothub::app {

/// Throws ConfigError that names the file and the place in it.
hub::routing::Routes read_routes(const std::filesystem::path& file);

/// Throws std::system_error for a file that cannot be opened. Store and loop must outlive the endpoint; what waits in
/// the store for one of its name is sent.
std::unique_ptr<hub::routing::RouteEndpoint> open_endpoint(const hub::routing::EndpointDescription& endpoint,
                                                           storage::Store& store, net::EventLoop& loop);

/// One endpoint for each that the routes describe; what waits in the store for one of the same name is sent. Store and
/// loop must outlive them. Throws std::system_error for a file that cannot be opened.
hub::routing::RouteEndpoints open_endpoints(const hub::routing::Routes& routes, storage::Store& store,
                                            net::EventLoop& loop);

}  // namespace iothub::app
