#pragma once
/// A message as a route's condition sees it (documentation: IoT Hub message routing query syntax; rest.md 7.3).
#include <optional>

#include "emulator/hub/query/expression.h"
#include "storage/rows.h"

namespace iothub::hub {
struct Twin;
}

namespace iothub::hub::routing {

/// `content-type` -> `contentType`: how routing and its endpoints write a system property; others stay as they are.
std::string_view routing_name(std::string_view stored);

/// The other way round, for a name in any case.
std::string_view stored_name(std::string_view routing);

/// `name` is an application property, `$name` a system property (an application property where there is none),
/// `$body.a[0]` a member of a JSON body, `$twin.tags.a` and `$twin.properties.reported.a` the sender's twin. Names of
/// properties match in any case, and every property is a string. What is not there is undefined.
class RouteMessage final : public query::Row {
 public:
  /// Borrows both; the twin may be null. Properties and body are parsed when a condition first asks.
  RouteMessage(const storage::EventRow& event, const Twin* twin) : event_(event), twin_(twin) {}

  query::Value resolve(const query::Path& path) const override;

  /// The body where its content type is JSON and its encoding UTF-8, UTF-16 or UTF-32; else null.
  const Json* body() const;

 private:
  query::Value application_property(std::string_view name) const;
  query::Value system_property(std::string_view name) const;
  query::Value stored_property(const std::string& column, std::string_view name) const;
  std::string text_of_system_property(std::string_view name) const;
  query::Value of_twin(const query::Path& path) const;

  const storage::EventRow& event_;
  const Twin* twin_;
  mutable bool body_read_ = false;
  mutable std::optional<Json> body_;
};

}  // namespace iothub::hub::routing
