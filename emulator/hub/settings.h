#pragma once
/// What can be set of a hub itself while it runs, and is kept with its data: shared access policies, the CAs that sign
/// devices' certificates, and message routing. Kept ones come on top of those that the hub was started with.
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "emulator/hub/errors.h"
#include "emulator/hub/policies.h"

namespace iothub::storage {
class Store;
}

namespace iothub::hub {

namespace routing {
class Routing;
class RouteEndpoint;
struct EndpointDescription;
}  // namespace routing

class Auth;

class Settings {
 public:
  using OpenEndpoint = std::function<std::unique_ptr<routing::RouteEndpoint>(const routing::EndpointDescription&)>;

  /// Takes up what the store has. Throws std::system_error for a kept route's endpoint that cannot be opened.
  Settings(storage::Store& store, Auth& auth, routing::Routing& routing, OpenEndpoint open_endpoint);
  Settings(const Settings&) = delete;
  Settings& operator=(const Settings&) = delete;

  /// Adds the policy or replaces the one of its name. 400004 for a name outside `[A-Za-z0-9._-]{1,64}` and for keys
  /// that are not base64 of 16 to 64 bytes.
  Result<void> put_policy(const Policy& policy);
  /// Name -> PEM text: the kept ones.
  std::map<std::string, std::string> device_cas() const;
  /// Adds the CA or replaces the one of its name. 400004 for a text that holds no CA's certificate.
  Result<void> put_device_ca(const std::string& name, const std::string& pem);
  /// `text`: as a routes file. Refuses as parse_routes does; 400004 for an endpoint that cannot be opened.
  Result<void> put_routing(const std::string& text);

  /// How often a message of this content was put into this queue by a seed, and that it was once more: `queue` names
  /// the identity and its generation.
  std::size_t seeded_messages(const std::string& queue, const std::string& mark) const;
  void add_seeded_message(const std::string& queue, const std::string& mark);

  /// After a lost transaction: takes up anew what the store has.
  void forget();

 private:
  void take_up_policies();
  void take_up_device_cas();
  void take_up_routing();

  storage::Store& store_;
  Auth& auth_;
  routing::Routing& routing_;
  const OpenEndpoint open_endpoint_;
  const std::vector<Policy> first_policies_;
  const std::vector<std::string> first_device_cas_;
  std::string kept_routing_;  ///< what routing was configured with last, empty: nothing kept
};

}  // namespace iothub::hub
