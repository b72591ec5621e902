#pragma once
/// Where each message goes: to the endpoints of every route whose condition holds, and telemetry that no route took by
/// the fallback route (rest.md 7.3).
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "emulator/hub/routing/routes.h"
#include "storage/rows.h"

namespace iothub::hub {
class TwinCache;
}

namespace iothub::hub::routing {

class RouteMessage;

/// A destination other than `events`; app puts them in.
class RouteEndpoint {
 public:
  virtual ~RouteEndpoint() = default;
  /// Takes the message before its sender is answered; throws storage::Error when it cannot, and the message is refused.
  /// A message whose turn is rolled back may be here all the same: delivery is at least once.
  virtual void send(const storage::EventRow& event) = 0;
};
using RouteEndpoints = std::map<std::string, std::unique_ptr<RouteEndpoint>>;

class Routing {
 public:
  /// With the default routes.
  Routing(std::string hub_name, TwinCache& twins);
  ~Routing();

  /// Replaces the routes; `endpoints` has one for each that they describe.
  void configure(Routes routes, RouteEndpoints endpoints);
  /// JSON as a routes file's `routing`; empty: the default routes.
  const std::string& text() const { return routes_.text; }

  /// Whether any enabled route takes events of the source: no others are made.
  bool takes(std::string_view message_source) const;

  /// Sends the message to its endpoints, to each once however many routes name it. What it returns belongs into the
  /// stream: the message with its enrichments, or nothing.
  std::optional<storage::EventRow> route(const storage::EventRow& event);

 private:
  storage::EventRow enriched(const storage::EventRow& event, const RouteMessage& message,
                             const std::string& endpoint) const;

  std::string hub_name_;
  TwinCache& twins_;
  Routes routes_;
  RouteEndpoints endpoints_;
};

}  // namespace iothub::hub::routing
