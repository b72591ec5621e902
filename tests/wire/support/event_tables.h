#pragma once
/// What the emulator stored of telemetry, read from its database by a second connection.
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace iothub::test {

struct StoredEvent {
  int partition = 0;
  std::int64_t sequence_number = 0;
  std::string device;
  std::string module;
  std::string system_properties;  ///< JSON object, or empty
  std::string properties;         ///< JSON array of pairs, or empty
  std::string body;
};

/// All of them, by partition and sequence number.
std::vector<StoredEvent> stored_events(const std::filesystem::path& database);
/// Those of one device and its modules.
std::vector<StoredEvent> stored_events(const std::filesystem::path& database, const std::string& device);

/// `PRAGMA user_version`.
int schema_version(const std::filesystem::path& database);
/// The same, set: on a database that no emulator has open.
void set_schema_version(const std::filesystem::path& database, int version);

}  // namespace iothub::test
