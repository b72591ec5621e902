#pragma once
/// A twin as the hub works on it: parsed trees; JSON text only at the edges.
#include <cstdint>
#include <string>

#include "emulator/hub/json.h"
#include "storage/rows.h"

namespace iothub::hub {

/// Desired or reported: the values, the `$metadata` tree beside them, the `$version`.
struct TwinProperties {
  Json values = Json::object();
  Json metadata = Json::object();
  std::int64_t version = 1;
};

struct Twin {
  std::int64_t etag = 1;     ///< moves with tags and desired only (recorded twins)
  std::int64_t version = 2;  ///< moves with every write of tags, desired or reported
  Json tags = Json::object();
  TwinProperties desired;
  TwinProperties reported;
  std::string model_id;
  Json configurations = Json::object();
};

Twin from_row(const storage::TwinRow& row);
storage::TwinRow to_row(const Identity& identity, const Twin& twin);

/// What a change of desired properties tells the device: JSON text with `$version` last, and that version.
struct DesiredChange {
  std::string payload;
  std::int64_t version = 0;
};

}  // namespace iothub::hub
