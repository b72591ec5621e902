#pragma once
/// Where each message goes: to the endpoints of every route whose condition holds, and telemetry that no route took by
/// the fallback route (rest.md 7.3).
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/hub/json.h"
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
  /// Takes the message before its sender is answered, for good or into the open transaction; throws storage::Error when
  /// it cannot, and the message is refused. Delivery is at least once.
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

  const Routes& routes() const { return routes_; }

  /// What explain.h says of the message, with the twin of its sender.
  Json explain(const storage::EventRow& event) const;

  /// Sends the message to its endpoints, to each once however many routes name it. What it returns belongs into the
  /// stream: the message with its enrichments, or nothing.
  std::optional<storage::EventRow> route(storage::EventRow event);

 private:
  struct Destination {
    RouteEndpoint* endpoint = nullptr;  ///< null: the stream
    std::vector<const Enrichment*> enrichments;
  };
  struct Branch {
    const query::Expression* condition = nullptr;  ///< null: holds always
    std::vector<const Destination*> destinations;
  };
  /// What becomes of one source's events, as far as it can be known before they are.
  struct Plan {
    std::vector<Branch> routes;
    std::optional<Branch> fallback;
    bool only_to_stream = false;  ///< every one, as it is
  };

  void add_branch(const Route& route, bool is_fallback);
  const Destination& destination(const std::string& name);
  std::vector<const Destination*> destinations(const Plan& plan, const RouteMessage& message) const;
  storage::EventRow enriched(storage::EventRow row, const RouteMessage& message, const Destination& destination) const;

  std::string hub_name_;
  TwinCache& twins_;
  Routes routes_;
  RouteEndpoints endpoints_;
  std::map<std::string, Destination, std::less<>> destinations_;  ///< by the endpoint's name
  std::map<std::string, Plan, std::less<>> plans_;                ///< by the source
};

}  // namespace iothub::hub::routing
