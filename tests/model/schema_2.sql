-- A hub of schema version 2, as it stood on disk; the times that would let it expire are set to the year 2100.
PRAGMA application_id = 1232032840;
PRAGMA user_version = 2;
BEGIN TRANSACTION;
CREATE TABLE c2d_message (
  identity_id INTEGER NOT NULL REFERENCES identity (id) ON DELETE CASCADE,
  sequence_number INTEGER NOT NULL,
  enqueued_time INTEGER NOT NULL,
  expiry_time INTEGER NOT NULL,
  expiry_given INTEGER NOT NULL,
  delivery_count INTEGER NOT NULL,
  ack INTEGER NOT NULL,
  message_id TEXT NOT NULL,
  correlation_id TEXT NOT NULL,
  user_id TEXT NOT NULL,
  to_address TEXT NOT NULL,
  content_type TEXT NOT NULL,
  content_encoding TEXT NOT NULL,
  properties TEXT NOT NULL,
  body BLOB NOT NULL
) STRICT;
INSERT INTO "c2d_message" VALUES(1,1,639311923060466374,662380416000000000,0,0,0,'old','','','/devices/d/messages/devicebound','','','',X'6F6C64206D657373616765');
CREATE TABLE c2d_queue (
  identity_id INTEGER PRIMARY KEY REFERENCES identity (id) ON DELETE CASCADE,
  last_sequence_number INTEGER NOT NULL
) STRICT;
INSERT INTO "c2d_queue" VALUES(1,1);
CREATE TABLE document (
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  json TEXT NOT NULL,
  PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE event_0 (
  sequence_number INTEGER PRIMARY KEY,
  offset INTEGER NOT NULL,
  enqueued_time INTEGER NOT NULL,
  device_id TEXT NOT NULL,
  module_id TEXT NOT NULL,
  source TEXT NOT NULL,
  annotations TEXT NOT NULL,
  system_properties TEXT NOT NULL,
  properties TEXT NOT NULL,
  auth_method TEXT NOT NULL,
  auth_generation_id TEXT NOT NULL,
  body BLOB NOT NULL
) STRICT;
CREATE TABLE event_1 (
  sequence_number INTEGER PRIMARY KEY,
  offset INTEGER NOT NULL,
  enqueued_time INTEGER NOT NULL,
  device_id TEXT NOT NULL,
  module_id TEXT NOT NULL,
  source TEXT NOT NULL,
  annotations TEXT NOT NULL,
  system_properties TEXT NOT NULL,
  properties TEXT NOT NULL,
  auth_method TEXT NOT NULL,
  auth_generation_id TEXT NOT NULL,
  body BLOB NOT NULL
) STRICT;
CREATE TABLE event_2 (
  sequence_number INTEGER PRIMARY KEY,
  offset INTEGER NOT NULL,
  enqueued_time INTEGER NOT NULL,
  device_id TEXT NOT NULL,
  module_id TEXT NOT NULL,
  source TEXT NOT NULL,
  annotations TEXT NOT NULL,
  system_properties TEXT NOT NULL,
  properties TEXT NOT NULL,
  auth_method TEXT NOT NULL,
  auth_generation_id TEXT NOT NULL,
  body BLOB NOT NULL
) STRICT;
CREATE TABLE event_3 (
  sequence_number INTEGER PRIMARY KEY,
  offset INTEGER NOT NULL,
  enqueued_time INTEGER NOT NULL,
  device_id TEXT NOT NULL,
  module_id TEXT NOT NULL,
  source TEXT NOT NULL,
  annotations TEXT NOT NULL,
  system_properties TEXT NOT NULL,
  properties TEXT NOT NULL,
  auth_method TEXT NOT NULL,
  auth_generation_id TEXT NOT NULL,
  body BLOB NOT NULL
) STRICT;
INSERT INTO "event_3" VALUES(0,0,662380416000000000,'d','','twinChangeEvents','','{"user-id":"localhost","correlation-id":"eb12cac23c1d","content-type":"application/json","content-encoding":"utf-8"}','[["hubName","localhost"],["deviceId","d"],["operationTimestamp","2026-11-25T08:31:45.9663685Z"],["iothub-message-schema","twinChangeNotification"],["opType","updateTwin"]]','','',X'7B2276657273696F6E223A332C2274616773223A7B226F6C64223A747275657D2C2270726F70657274696573223A7B2264657369726564223A7B22696E74657276616C223A352C22246D65746164617461223A7B22246C61737455706461746564223A22323032362D31312D32355430383A33313A34352E393636333330355A222C22246C6173745570646174656456657273696F6E223A322C22696E74657276616C223A7B22246C61737455706461746564223A22323032362D31312D32355430383A33313A34352E393636333330355A222C22246C6173745570646174656456657273696F6E223A327D7D2C222476657273696F6E223A327D7D7D');
INSERT INTO "event_3" VALUES(1,621,662380416000000000,'d','','Telemetry','','','','{"scope":"device","type":"sas","issuer":"iothub","acceptingIpFilterRule":null}','639311923059072642',X'30');
INSERT INTO "event_3" VALUES(2,792,662380416000000000,'d','','twinChangeEvents','','{"user-id":"localhost","correlation-id":"a2cb2a5ea464","content-type":"application/json","content-encoding":"utf-8"}','[["hubName","localhost"],["deviceId","d"],["operationTimestamp","2026-11-25T08:31:46.0025642+00:00"],["iothub-message-schema","twinChangeNotification"],["opType","updateTwin"]]','','',X'7B2276657273696F6E223A342C2270726F70657274696573223A7B227265706F72746564223A7B226E223A312C22246D65746164617461223A7B22246C61737455706461746564223A22323032362D31312D32355430383A33313A34362E3030323533345A222C226E223A7B22246C61737455706461746564223A22323032362D31312D32355430383A33313A34362E3030323533345A227D7D2C222476657273696F6E223A327D7D7D');
CREATE TABLE feedback_batch (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  enqueued_time INTEGER NOT NULL,
  delivery_count INTEGER NOT NULL
) STRICT;
CREATE TABLE feedback_record (
  id INTEGER PRIMARY KEY,
  identity_id INTEGER NOT NULL REFERENCES identity (id) ON DELETE CASCADE,
  batch INTEGER NOT NULL,
  recorded_time INTEGER NOT NULL,
  json TEXT NOT NULL
) STRICT;
CREATE TABLE identity (
  id INTEGER PRIMARY KEY,
  device_id TEXT NOT NULL,
  module_id TEXT NOT NULL,  -- empty: the device itself
  generation_id TEXT NOT NULL,
  etag INTEGER NOT NULL,
  created_time INTEGER NOT NULL,
  enabled INTEGER NOT NULL,
  status_reason TEXT,
  status_updated_time INTEGER NOT NULL,
  connection_state_updated_time INTEGER NOT NULL,
  last_activity_time INTEGER NOT NULL,
  authentication_type TEXT NOT NULL,
  primary_key TEXT,
  secondary_key TEXT,
  primary_thumbprint TEXT,
  secondary_thumbprint TEXT,
  managed_by TEXT,
  iot_edge INTEGER NOT NULL,
  device_scope TEXT,
  parent_scopes TEXT NOT NULL,
  attributes TEXT NOT NULL
) STRICT;
INSERT INTO "identity" VALUES(1,'d','','639311923059072642',470728159,639311923059072642,1,NULL,0,0,0,'sas','MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=','MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=',NULL,NULL,NULL,0,NULL,'','');
INSERT INTO "identity" VALUES(2,'d','m','639311923059423835',270388980,639311923059423835,1,NULL,0,0,0,'sas','MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=','MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=',NULL,NULL,NULL,0,NULL,'','');
CREATE TABLE partition (
  number INTEGER PRIMARY KEY,
  next_sequence_number INTEGER NOT NULL DEFAULT 0,
  next_offset INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO "partition" VALUES(0,0,0);
INSERT INTO "partition" VALUES(1,0,0);
INSERT INTO "partition" VALUES(2,0,0);
INSERT INTO "partition" VALUES(3,0,0);
CREATE TABLE session (
  identity_id INTEGER PRIMARY KEY REFERENCES identity (id) ON DELETE CASCADE,
  state TEXT NOT NULL
) STRICT;
INSERT INTO "session" VALUES(1,'');
CREATE TABLE twin (
  identity_id INTEGER PRIMARY KEY REFERENCES identity (id) ON DELETE CASCADE,
  etag INTEGER NOT NULL,
  version INTEGER NOT NULL,
  tags TEXT NOT NULL,
  desired TEXT NOT NULL,
  desired_metadata TEXT NOT NULL,
  desired_version INTEGER NOT NULL,
  reported TEXT NOT NULL,
  reported_metadata TEXT NOT NULL,
  reported_version INTEGER NOT NULL,
  model_id TEXT NOT NULL,
  configurations TEXT NOT NULL
) STRICT;
INSERT INTO "twin" VALUES(1,2,4,'{"old":true}','{"interval":5}','{"$lastUpdated":"2026-11-25T08:31:45.9663305Z","$lastUpdatedVersion":2,"interval":{"$lastUpdated":"2026-11-25T08:31:45.9663305Z","$lastUpdatedVersion":2}}',2,'{"n":1}','{"$lastUpdated":"2026-11-25T08:31:46.002534Z","n":{"$lastUpdated":"2026-11-25T08:31:46.002534Z"}}',2,'','');
INSERT INTO "twin" VALUES(2,1,2,'{}','{}','{"$lastUpdated":"0001-01-01T00:00:00Z"}',1,'{}','{"$lastUpdated":"0001-01-01T00:00:00Z"}',1,'','');
CREATE UNIQUE INDEX identity_key ON identity (device_id, module_id);
CREATE INDEX identity_devices ON identity (module_id, id, enabled) WHERE module_id = '';
CREATE INDEX identity_modules ON identity (device_id, module_id) WHERE module_id <> '';
CREATE UNIQUE INDEX c2d_message_key ON c2d_message (identity_id, sequence_number);
CREATE INDEX c2d_message_expiry ON c2d_message (expiry_time);
CREATE INDEX feedback_record_batch ON feedback_record (batch, id);
CREATE INDEX feedback_record_identity ON feedback_record (identity_id);
DELETE FROM "sqlite_sequence";
COMMIT;
