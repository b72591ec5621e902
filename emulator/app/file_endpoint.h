#pragma once
/// A route endpoint that is a file: one JSON document a line, in the schema in which the service writes messages to a
/// storage account (documentation: IoT Hub message routing endpoints, Azure Storage, JSON).
#include <filesystem>
#include <memory>
#include <string>

#include "emulator/hub/routing/routing.h"

namespace iothub::app {

/// `{"EnqueuedTimeUtc":..,"Properties":{..},"SystemProperties":{..},"Body":..}`: the body as JSON where its content
/// type and encoding say so, else in base64.
std::string stored_message(const storage::EventRow& event);

class FileEndpoint final : public hub::routing::RouteEndpoint {
 public:
  /// Opens for appending, and creates the file; throws std::system_error.
  explicit FileEndpoint(const std::filesystem::path& path);
  ~FileEndpoint() override;
  FileEndpoint(const FileEndpoint&) = delete;
  FileEndpoint& operator=(const FileEndpoint&) = delete;

  /// The line is the system's when this returns: it survives the death of the process.
  void send(const storage::EventRow& event) override;

 private:
  const std::filesystem::path path_;
  int file_;
};

}  // namespace iothub::app
