#pragma once
/// What a device that this program plays says at CONNECT.
#include <optional>
#include <string>

namespace iothub::app {

/// A SAS token of the device's own, by real time, for an hour. Nothing for a key that is no base64.
std::optional<std::string> device_token(const std::string& host, const std::string& device, const std::string& key);

}  // namespace iothub::app
