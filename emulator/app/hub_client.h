#pragma once
/// Asks a running hub over its service API, as any client of it would, and over its control API.
#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "emulator/app/connection_string.h"
#include "emulator/hub/ids.h"

namespace iothub::app {

/// The hub does not answer, or refuses: one line that says what was asked and why it failed.
class HubClientError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class HubClient {
 public:
  /// `ca_files`: PEM files, tried in turn until one vouches for the hub's certificate; missing ones are skipped.
  HubClient(ConnectionString hub, std::vector<std::filesystem::path> ca_files);

  /// Returns when the hub serves requests; throws HubClientError otherwise. A hub that answers but refuses the
  /// connection string's key serves.
  void check_health() const;

  /// Registers the devices, or gives those that are there these keys: base64, by id. Throws HubClientError.
  void put_devices(const std::map<std::string, std::string>& keys) const;

  /// The primary key of a device or module. Throws HubClientError, also for an identity that has no symmetric key.
  std::string primary_key(const hub::Identity& identity) const;

  struct Answer {
    int status = 0;
    std::string error_code;  ///< iothub-errorcode
    std::string body;
  };
  /// A request of the service API with the connection string's key; `json` may be empty. `if_match`: an entity tag, or
  /// `*`. An answer of any status. Throws HubClientError when there is none.
  Answer service(const char* method, const std::string& path, const std::string& json, const char* if_match = nullptr,
                 std::chrono::seconds patience = std::chrono::seconds(5)) const;

  struct ControlRequest {
    std::string method = "GET";
    std::string path;    ///< behind `/_emulator/`, with its query
    std::string body{};  ///< JSON
    std::string token{};
    std::chrono::seconds patience{std::chrono::minutes(11)};  ///< a long poll has ten
    /// Given what comes while it comes, instead of the answer's body; false ends it.
    std::function<bool(std::string_view)> stream{};
  };
  /// An answer of any status. Throws HubClientError when there is none.
  Answer control(const ControlRequest& request) const;

 private:
  struct Asked {
    std::string method = "GET";
    std::string path;
    std::string authorization;
    std::string body{};
    std::chrono::seconds patience;
    const char* if_match = nullptr;
    std::function<bool(std::string_view)> stream{};
  };
  Answer ask(const Asked& asked) const;
  Answer get(const std::string& path) const { return service("GET", path, {}); }

  ConnectionString hub_;
  std::vector<std::filesystem::path> ca_files_;
};

}  // namespace iothub::app
