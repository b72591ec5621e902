#pragma once
/// The back-end side, as the iothubowner policy: cpp-httplib over TLS.
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "tests/wire/support/emulator_process.h"

namespace httplib {
class SSLClient;
}

namespace iothub::test {

/// A device, or a module of one, and what it proves itself by.
struct Login {
  std::string device;
  std::string module;  ///< empty: the device itself
  std::string key;     ///< base64

  /// `device` or `device/module`: the MQTT client id.
  std::string client_id() const { return module.empty() ? device : device + "/" + module; }
  /// As the SDKs name it in a token, percent-encoded.
  std::string resource() const;
  /// A token that expires so many seconds from now.
  std::string token(std::int64_t seconds = 3600) const;
};

std::int64_t unix_now();

class ServiceClient {
 public:
  struct Answer {
    int status = 0;
    nlohmann::json body;  ///< null when there is none
  };

  explicit ServiceClient(const EmulatorProcess& emulator);
  ~ServiceClient();

  /// `path` without the api-version. Throws std::runtime_error when no answer comes.
  Answer request(const std::string& method, const std::string& path, const std::string& body = {},
                 const std::string& if_match = {});
  /// As request(), and throws when the status is not of the 200s.
  nlohmann::json must(const std::string& method, const std::string& path, const std::string& body = {},
                      const std::string& if_match = {});

  /// Makes the device with keys that the hub generates.
  Login create(const std::string& device);
  /// Makes the module of a device that exists.
  Login create(const std::string& device, const std::string& module);
  void patch_desired(const Login& of, const std::string& desired);
  nlohmann::json twin(const Login& of);
  /// `Connected` or `Disconnected`.
  std::string connection_state(const std::string& device);
  void set_status(const Login& device, const std::string& status);

  /// For raw requests: the value of an Authorization header.
  const std::string& authorization() const { return authorization_; }

 private:
  std::unique_ptr<httplib::SSLClient> http_;
  std::string authorization_;
};

}  // namespace iothub::test
