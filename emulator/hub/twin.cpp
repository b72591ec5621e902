#include "emulator/hub/twin.h"

namespace iothub::hub {

Twin from_row(const storage::TwinRow& row) {
  Twin twin;
  twin.etag = row.etag;
  twin.version = row.version;
  twin.tags = Json::parse(row.tags);
  twin.desired = {Json::parse(row.desired), Json::parse(row.desired_metadata), row.desired_version};
  twin.reported = {Json::parse(row.reported), Json::parse(row.reported_metadata), row.reported_version};
  twin.model_id = row.model_id;
  if (!row.configurations.empty()) twin.configurations = Json::parse(row.configurations);
  return twin;
}

storage::TwinRow to_row(const Identity& identity, const Twin& twin) {
  storage::TwinRow row;
  row.device_id = identity.device.value;
  row.module_id = identity.module.value;
  row.etag = twin.etag;
  row.version = twin.version;
  row.tags = dump(twin.tags);
  row.desired = dump(twin.desired.values);
  row.desired_metadata = dump(twin.desired.metadata);
  row.desired_version = twin.desired.version;
  row.reported = dump(twin.reported.values);
  row.reported_metadata = dump(twin.reported.metadata);
  row.reported_version = twin.reported.version;
  row.model_id = twin.model_id;
  if (!twin.configurations.empty()) row.configurations = dump(twin.configurations);
  return row;
}

}  // namespace iothub::hub
