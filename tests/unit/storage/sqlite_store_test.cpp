#include "storage/sqlite_store.h"

#include <doctest/doctest.h>

#include "tests/unit/storage/rows.h"

using namespace iothub::storage;
using test::c2d_message;
using test::event;
using test::identity;
using test::twin;

namespace {

struct InMemory {
  std::unique_ptr<SqliteStore> store = SqliteStore::in_memory({.partitions = 2});
};

struct OnDisk {
  test::TemporaryFolder folder;
  std::unique_ptr<SqliteStore> store = SqliteStore::open(folder / "hub.db", {.partitions = 2});
};

std::vector<std::string> names(const std::vector<IdentityRow>& rows) {
  std::vector<std::string> out;
  for (const IdentityRow& row : rows) {
    std::string& name = out.emplace_back(row.device_id);
    if (!row.module_id.empty()) name.append("/").append(row.module_id);
  }
  return out;
}

using Names = std::vector<std::string>;

void insert(SqliteStore& store, const char* device, const char* module = "") {
  REQUIRE(store.insert_identity(identity(device, module), twin(device, module)));
}

}  // namespace

#define STORE_TEST(name) TEST_CASE_TEMPLATE(name, Place, InMemory, OnDisk)

STORE_TEST("an identity and its twin come back as they were stored") {
  Place place;
  SqliteStore& store = *place.store;
  insert(store, "d");
  insert(store, "d", "m");
  CHECK(store.identity("d", "") == identity("d"));
  CHECK(store.identity("d", "m") == identity("d", "m"));
  CHECK(store.twin("d", "") == twin("d"));
  CHECK(store.twin("d", "m") == twin("d", "m"));
}

STORE_TEST("an identity without its optional columns comes back without them") {
  Place place;
  IdentityRow bare;
  bare.device_id = "bare";
  bare.status_reason = "";
  REQUIRE(place.store->insert_identity(bare, TwinRow{}));
  const auto stored = place.store->identity("bare", "");
  CHECK(stored == bare);
  CHECK(stored->status_reason == "");  // empty is not absent
  TwinRow bare_twin;
  bare_twin.device_id = "bare";
  CHECK(place.store->twin("bare", "") == bare_twin);
}

STORE_TEST("device ids differ by case") {
  Place place;
  insert(*place.store, "Pump");
  CHECK_FALSE(place.store->identity("pump", ""));
  CHECK_FALSE(place.store->twin("PUMP", ""));
  insert(*place.store, "pump");
  CHECK(place.store->device_counts().total == 2);
}

STORE_TEST("an unknown identity has no row, twin, session or modules") {
  Place place;
  SqliteStore& store = *place.store;
  insert(store, "d");
  CHECK_FALSE(store.identity("d", "m"));
  CHECK_FALSE(store.identity("other", ""));
  CHECK_FALSE(store.twin("d", "m"));
  CHECK_FALSE(store.session("other", ""));
  CHECK(store.modules("other").empty());
  CHECK(store.module_count("other") == 0);
}

STORE_TEST("an identity that exists is not inserted again, and stays as it was") {
  Place place;
  SqliteStore& store = *place.store;
  insert(store, "d");
  IdentityRow second = identity("d");
  second.etag = 99;
  TwinRow second_twin = twin("d");
  second_twin.version = 99;
  CHECK_FALSE(store.insert_identity(second, second_twin));
  CHECK(store.identity("d", "") == identity("d"));
  CHECK(store.twin("d", "") == twin("d"));
}

STORE_TEST("an update replaces every column of an identity and of a twin") {
  Place place;
  SqliteStore& store = *place.store;
  insert(store, "d");
  insert(store, "e");
  const std::string device = "d";
  IdentityRow plain;
  plain.device_id = device;
  plain.authentication_type = "none";
  TwinRow empty;
  empty.device_id = device;
  CHECK(store.update_identity(plain));
  CHECK(store.update_twin(empty));
  CHECK(store.identity("d", "") == plain);
  CHECK(store.twin("d", "") == empty);
  CHECK(store.identity("e", "") == identity("e"));
  CHECK(store.twin("e", "") == twin("e"));
}

STORE_TEST("an update of an identity or twin that is not there says so") {
  Place place;
  SqliteStore& store = *place.store;
  insert(store, "d");
  CHECK_FALSE(store.update_identity(identity("d", "m")));
  CHECK_FALSE(store.update_twin(twin("d", "m")));
  CHECK_FALSE(store.remove_identity("d", "m"));
  CHECK_FALSE(store.remove_identity("other", ""));
  CHECK(store.identity("d", "") == identity("d"));
}

STORE_TEST("removing a device takes its modules, twins and sessions, and leaves other devices alone") {
  Place place;
  SqliteStore& store = *place.store;
  for (const char* device : {"e", "d"}) {  // the newest goes, so that its id is given again
    insert(store, device);
    insert(store, device, "m");
    store.put_session(device, "", "device topics");
    store.put_session(device, "m", "module topics");
  }
  CHECK(store.remove_identity("d", ""));
  CHECK_FALSE(store.identity("d", ""));
  CHECK_FALSE(store.identity("d", "m"));
  CHECK_FALSE(store.twin("d", ""));
  CHECK_FALSE(store.twin("d", "m"));
  CHECK(store.module_count("d") == 0);
  CHECK(store.identity("e", "m") == identity("e", "m"));
  CHECK(store.twin("e", "m") == twin("e", "m"));
  CHECK(store.session("e", "m") == "module topics");

  insert(store, "d");  // the newcomer inherits nothing
  insert(store, "d", "m");
  CHECK_FALSE(store.session("d", ""));
  CHECK_FALSE(store.session("d", "m"));
}

STORE_TEST("removing a module leaves its device and the device's other modules") {
  Place place;
  SqliteStore& store = *place.store;
  insert(store, "d");
  insert(store, "d", "m");
  insert(store, "d", "n");
  CHECK(store.remove_identity("d", "m"));
  CHECK(store.identity("d", "") == identity("d"));
  CHECK(names(store.modules("d")) == Names{"d/n"});
  CHECK_FALSE(store.twin("d", "m"));
  CHECK(store.twin("d", "n") == twin("d", "n"));
}

STORE_TEST("devices are listed newest first, a device's modules oldest first") {
  Place place;
  SqliteStore& store = *place.store;
  for (const char* device : {"b", "c", "a"}) insert(store, device);
  for (const char* module : {"y", "z", "x"}) insert(store, "b", module);
  CHECK(names(store.devices(100)) == Names{"a", "c", "b"});
  CHECK(names(store.devices(2)) == Names{"a", "c"});
  CHECK(store.devices(0).empty());
  CHECK(store.devices(-1).empty());
  CHECK(names(store.modules("b")) == Names{"b/y", "b/z", "b/x"});
  CHECK(store.module_count("b") == 3);

  CHECK(store.update_identity(identity("b")));  // an update is no rebirth
  store.remove_identity("a", "");
  insert(store, "a");
  insert(store, "d");
  CHECK(names(store.devices(100)) == Names{"d", "a", "c", "b"});
}

STORE_TEST("devices are counted without modules") {
  Place place;
  SqliteStore& store = *place.store;
  CHECK(store.device_counts().total == 0);
  CHECK(store.device_counts().enabled == 0);
  insert(store, "off");
  insert(store, "off", "m");
  IdentityRow on = identity("on");
  on.enabled = true;
  store.insert_identity(on, twin("on"));
  CHECK(store.device_counts().total == 2);
  CHECK(store.device_counts().enabled == 1);
}

STORE_TEST("a scan in slices meets each identity of its kind once, in key order") {
  Place place;
  SqliteStore& store = *place.store;
  for (const char* device : {"b", "a", "c"}) insert(store, device);
  for (const char* device : {"c", "a"}) {
    insert(store, device, "n");
    insert(store, device, "m");
  }
  const auto scan = [&](Store::Kind kind) {
    Names found;
    std::string device, module;
    while (true) {
      const auto slice = store.identities_after(kind, device, module, 2);
      if (slice.empty()) return found;
      CHECK(slice.size() <= 2);
      for (const std::string& name : names(slice)) found.push_back(name);
      device = slice.back().device_id;
      module = slice.back().module_id;
    }
  };
  CHECK(scan(Store::Kind::devices) == Names{"a", "b", "c"});
  CHECK(scan(Store::Kind::modules) == Names{"a/m", "a/n", "c/m", "c/n"});
}

STORE_TEST("connection times change alone, and for a device that is gone they are skipped") {
  Place place;
  SqliteStore& store = *place.store;
  insert(store, "d");
  store.update_activity("d", "", 100, 200);
  store.update_activity("gone", "", 100, 200);
  IdentityRow expected = identity("d");
  expected.connection_state_updated_time = 100;
  expected.last_activity_time = 200;
  CHECK(store.identity("d", "") == expected);
  CHECK(store.device_counts().total == 1);
}

STORE_TEST("a document is kept by kind and id, replaced and removed") {
  Place place;
  SqliteStore& store = *place.store;
  CHECK_FALSE(store.document("configuration", "c"));
  store.put_document("configuration", "c", "{}");
  store.put_document("configuration", "b", "[]");
  store.put_document("job", "c", "1");
  store.put_document("configuration", "c", R"({"x":1})");
  CHECK(store.document("configuration", "c") == R"({"x":1})");
  const auto all = store.documents("configuration");
  REQUIRE(all.size() == 2);
  CHECK(all[0].id == "b");
  CHECK(all[1].json == R"({"x":1})");
  CHECK(store.remove_document("configuration", "c"));
  CHECK_FALSE(store.remove_document("configuration", "c"));
  CHECK(store.document("job", "c") == "1");
}

STORE_TEST("documents are read on after an id, and removed by kind") {
  Place place;
  SqliteStore& store = *place.store;
  for (const char* id : {"a", "b", "c", "d"}) store.put_document("k", id, "{}");
  store.put_document("l", "b", "{}");
  const auto page = store.documents_after("k", "a", 2);
  REQUIRE(page.size() == 2);
  CHECK(page[0].id == "b");
  CHECK(page[1].id == "c");
  store.remove_documents("k");
  CHECK(store.documents_after("k", "", 9).empty());
  CHECK(store.documents_after("l", "", 9).size() == 1);
}

STORE_TEST("twins are found by the values of their tags, from the first on and no longer than they have them") {
  Place place;
  SqliteStore& store = *place.store;
  const auto tag = [&](std::string_view device, std::string_view module, const std::string& tags) {
    TwinRow row = store.twin(device, module).value();
    row.tags = tags;
    REQUIRE(store.update_twin(row));
  };
  const auto found = [&](Store::Kind kind, const TagValue& value, std::string_view after = {}, std::int64_t limit = 9) {
    std::string ids;
    for (const IdentityKey& key : store.tagged_after(kind, value, after, "", limit)) {
      ids += key.device_id + key.module_id + " ";
    }
    return ids;
  };
  using enum Store::Kind;
  for (const char* device : {"c", "a", "b"}) insert(store, device);
  insert(store, "a", "m");
  for (const char* device : {"a", "b", "c"}) tag(device, "", R"({"x":{"plant":"p1"},"n":[{"plant":2.5}]})");
  tag("a", "m", R"({"plant":"p1","on":true})");
  CHECK(found(devices, {"plant", "p1"}) == "a b c ");
  CHECK(found(devices, {"plant", "p1"}, "a", 1) == "b ");
  CHECK(found(modules, {"plant", "p1"}) == "am ");
  CHECK(found(modules, {"on", std::int64_t{1}}) == "am ");
  CHECK(found(devices, {"plant", std::int64_t{2}}) == "a b c ");
  CHECK(found(devices, {"x", "p1"}).empty());

  tag("a", "", "{}");
  tag("b", "", R"({"plant":"p2"})");
  CHECK(found(devices, {"plant", "p1"}) == "c ");
  CHECK(found(devices, {"plant", "p2"}) == "b ");
  store.commit();
  store.remove_identity("a", "");
  store.remove_identity("c", "");
  CHECK(found(devices, {"plant", "p1"}).empty());
  CHECK(found(modules, {"plant", "p1"}).empty());
  store.roll_back();
  CHECK(found(modules, {"plant", "p1"}) == "am ");
}

STORE_TEST("a session is replaced, removed, and not kept for an identity that is not there") {
  Place place;
  SqliteStore& store = *place.store;
  insert(store, "d");
  insert(store, "d", "m");
  CHECK_FALSE(store.session("d", ""));
  store.put_session("d", "", "first");
  store.put_session("d", "m", "module's");
  store.put_session("d", "", "second");
  CHECK(store.session("d", "") == "second");
  CHECK(store.session("d", "m") == "module's");
  store.remove_session("d", "");
  store.remove_session("d", "");
  CHECK_FALSE(store.session("d", ""));
  CHECK(store.session("d", "m") == "module's");

  store.put_session("gone", "", "topics");
  CHECK_FALSE(store.session("gone", ""));
  CHECK(store.has_uncommitted());
  store.commit();
}

STORE_TEST("events are numbered from 0 in each partition, with growing offsets") {
  Place place;
  SqliteStore& store = *place.store;
  CHECK(store.partition_count() == 2);
  CHECK(store.append_event(0, event("a")) == 0);
  CHECK(store.append_event(0, event("b")) == 1);
  CHECK(store.append_event(1, event("c")) == 0);
  CHECK(store.append_event(0, EventRow{}) == 2);
  CHECK(store.append_event(0, EventRow{}) == 3);

  const auto events = store.events(0, 0, 10);
  REQUIRE(events.size() == 4);
  EventRow expected = event("a");
  expected.sequence_number = 0;
  expected.offset = 0;
  CHECK(events[0] == expected);
  for (std::size_t i = 1; i < events.size(); ++i) {
    CHECK(events[i].sequence_number == static_cast<std::int64_t>(i));
    CHECK(events[i].offset > events[i - 1].offset);
  }
  EventRow empty;
  empty.sequence_number = 3;
  empty.offset = events[3].offset;
  CHECK(events[3] == empty);
  REQUIRE(store.events(1, 0, 10).size() == 1);
  CHECK(store.events(1, 0, 10)[0].body == "c");
}

STORE_TEST("events are read from a sequence number on, at most as many as asked for") {
  Place place;
  SqliteStore& store = *place.store;
  for (int i = 0; i < 5; ++i) store.append_event(0, event(std::to_string(i)));
  const auto events = store.events(0, 2, 2);
  REQUIRE(events.size() == 2);
  CHECK(events[0].body == "2");
  CHECK(events[1].body == "3");
  CHECK(store.events(0, 5, 2).empty());
  CHECK(store.events(0, 0, 0).empty());
  CHECK(store.events(1, 0, 9).empty());
}

STORE_TEST("a body keeps every byte") {
  Place place;
  std::string body;
  for (int byte = 0; byte < 256; ++byte) body.push_back(static_cast<char>(byte));
  while (body.size() < 256 * 1024) body.append(body.substr(0, 256));  // the largest message
  place.store->append_event(0, event(body));
  CHECK(place.store->events(0, 0, 1).at(0).body == body);
}

STORE_TEST("a partition that does not exist is refused") {
  Place place;
  CHECK_THROWS_AS(place.store->append_event(2, event("a")), std::out_of_range);
  CHECK_THROWS_AS(place.store->append_event(-1, event("a")), std::out_of_range);
  CHECK_THROWS_AS(place.store->events(2, 0, 1), std::out_of_range);
}

STORE_TEST("the transaction begins at the first write and ends at commit") {
  Place place;
  SqliteStore& store = *place.store;
  CHECK_FALSE(store.has_uncommitted());
  store.identity("d", "");
  store.devices(1);
  CHECK_FALSE(store.has_uncommitted());
  store.commit();
  store.roll_back();
  insert(store, "d");
  CHECK(store.has_uncommitted());
  store.commit();
  CHECK_FALSE(store.has_uncommitted());
  store.roll_back();
  CHECK(store.identity("d", "") == identity("d"));
}

STORE_TEST("what is rolled back was never there, and what was committed before stays") {
  Place place;
  SqliteStore& store = *place.store;
  insert(store, "kept");
  store.put_session("kept", "", "kept");
  store.commit();

  insert(store, "lost");
  store.remove_identity("kept", "");
  CHECK(store.identity("lost", ""));  // reads see the open transaction
  CHECK_FALSE(store.identity("kept", ""));
  store.roll_back();
  CHECK_FALSE(store.has_uncommitted());
  CHECK_FALSE(store.identity("lost", ""));
  CHECK_FALSE(store.twin("lost", ""));
  CHECK(store.identity("kept", "") == identity("kept"));
  CHECK(store.twin("kept", "") == twin("kept"));
  CHECK(store.session("kept", "") == "kept");
}

STORE_TEST("events rolled back leave no gap in numbers and offsets") {
  Place place;
  SqliteStore& store = *place.store;
  store.append_event(0, event("a"));
  store.commit();
  store.append_event(0, event("lost"));
  store.append_event(1, event("lost"));
  const std::int64_t offset = store.events(0, 1, 1).at(0).offset;
  store.roll_back();
  CHECK(store.append_event(0, event("b")) == 1);
  CHECK(store.append_event(1, event("c")) == 0);
  store.commit();
  CHECK(store.events(0, 1, 1).at(0).offset == offset);
  CHECK(store.events(0, 0, 9).size() == 2);
}

STORE_TEST("events removed by retention do not restart the numbers") {
  Place place;
  SqliteStore& store = *place.store;
  for (int i = 0; i < 3; ++i) store.append_event(0, event(std::to_string(i)));
  store.append_event(1, event("other partition"));
  const std::int64_t newest_offset = store.events(0, 2, 1).at(0).offset;
  CHECK(store.remove_events_before(0, 2) == 2);
  CHECK(store.events(0, 0, 9).size() == 1);
  CHECK(store.remove_events_before(0, 3) == 1);
  CHECK(store.append_event(0, event("next")) == 3);
  CHECK(store.events(0, 0, 9).at(0).offset > newest_offset);
  CHECK(store.events(1, 0, 9).size() == 1);
}

STORE_TEST("a store needs a partition") {
  CHECK_THROWS_AS(SqliteStore::in_memory({.partitions = 0}), std::invalid_argument);
  Place place;  // and the one with partitions is not disturbed
  CHECK(place.store->append_event(0, event("a")) == 0);
}

// ---- cloud-to-device messages and feedback
// ----------------------------------------------------------------------------

STORE_TEST("a cloud-to-device message comes back as it was stored, from its own queue") {
  Place place;
  SqliteStore& store = *place.store;
  insert(store, "d");
  insert(store, "d", "m");
  CHECK(store.append_c2d_message(c2d_message("d")) == 1);
  CHECK(store.append_c2d_message(c2d_message("d", "m")) == 1);
  CHECK(store.append_c2d_message(c2d_message("gone")) == 0);
  CHECK(store.c2d_message("d", "", 1) == c2d_message("d"));
  CHECK(store.c2d_message("d", "m", 1) == c2d_message("d", "m"));
  CHECK(store.c2d_message("d", "", 2) == std::nullopt);
  store.set_c2d_delivery_count("d", "", 1, 7);
  CHECK(store.c2d_message("d", "", 1)->delivery_count == 7);
  CHECK(store.c2d_message("d", "m", 1)->delivery_count == 3);
}

STORE_TEST("a queue is in order and numbers no two messages alike, not even when it was empty") {
  Place place;
  SqliteStore& store = *place.store;
  insert(store, "d");
  for (int i = 0; i < 3; ++i) store.append_c2d_message(c2d_message("d"));
  CHECK(store.remove_c2d_message("d", "", 2));
  CHECK_FALSE(store.remove_c2d_message("d", "", 2));
  CHECK(store.c2d_sequence_numbers("d", "") == std::vector<std::int64_t>{1, 3});
  CHECK(store.c2d_message_count("d", "") == 2);
  CHECK(store.c2d_message_count("x", "") == 0);
  store.remove_c2d_message("d", "", 1);
  store.remove_c2d_message("d", "", 3);
  CHECK(store.append_c2d_message(c2d_message("d")) == 4);
}

STORE_TEST("what expires is found over all queues, its body left out") {
  Place place;
  SqliteStore& store = *place.store;
  insert(store, "d");
  insert(store, "d", "m");
  CHECK(store.next_c2d_expiry(0) == std::nullopt);
  for (const std::int64_t time : {30, 10}) {
    C2dRow row = c2d_message("d", time == 10 ? "m" : "");
    row.expiry_time = time;
    store.append_c2d_message(row);
  }
  CHECK(store.next_c2d_expiry(0) == 10);
  CHECK(store.next_c2d_expiry(10) == 30);
  CHECK(store.next_c2d_expiry(30) == std::nullopt);
  const std::vector<C2dRow> expired = store.expired_c2d_messages(10);
  REQUIRE(expired.size() == 1);
  CHECK(expired[0].module_id == "m");
  CHECK(expired[0].message_id == "id");
  CHECK(expired[0].body.empty());
  CHECK(store.expired_c2d_messages(30).size() == 2);
}

STORE_TEST("feedback waits, is batched oldest first, and goes with its batch or its identity") {
  Place place;
  SqliteStore& store = *place.store;
  insert(store, "d");
  insert(store, "e");
  CHECK(store.waiting_feedback().count == 0);
  store.append_feedback("d", "", 5, "1");
  store.append_feedback("e", "", 6, "2");
  store.append_feedback("d", "", 7, "3");
  store.append_feedback("gone", "", 8, "4");
  CHECK(store.waiting_feedback().count == 3);
  CHECK(store.waiting_feedback().first_time == 5);
  CHECK(store.feedback_records(0) == std::vector<std::string>{"1", "2", "3"});  // of no batch yet
  store.form_feedback_batch(9, 2);
  store.form_feedback_batch(10, 2);
  CHECK(store.waiting_feedback().count == 0);
  const std::vector<FeedbackBatchRow> batches = store.feedback_batches();
  REQUIRE(batches.size() == 2);
  CHECK(batches[0].enqueued_time == 9);
  CHECK(batches[0].delivery_count == 0);
  CHECK(store.feedback_records(batches[0].id) == std::vector<std::string>{"1", "2"});
  CHECK(store.feedback_records(batches[1].id) == std::vector<std::string>{"3"});
  store.set_feedback_delivery_count(batches[0].id, 3);
  CHECK(store.feedback_batches()[0].delivery_count == 3);
  store.remove_identity("d", "");
  CHECK(store.feedback_records(batches[0].id) == std::vector<std::string>{"2"});
  CHECK(store.feedback_records(batches[1].id).empty());
  store.remove_feedback_batch(batches[0].id);
  CHECK(store.feedback_batches().size() == 1);
  CHECK(store.feedback_records(batches[0].id).empty());
}

STORE_TEST("a removed device takes the queues of itself and its modules along") {
  Place place;
  SqliteStore& store = *place.store;
  insert(store, "d");
  insert(store, "d", "m");
  store.append_c2d_message(c2d_message("d"));
  store.append_c2d_message(c2d_message("d", "m"));
  store.remove_identity("d", "");
  CHECK(store.expired_c2d_messages(100).empty());
  insert(store, "d");
  CHECK(store.append_c2d_message(c2d_message("d")) == 1);
}
