#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "storage/sqlite_store.h"
#include "tests/unit/storage/rows.h"
#include "tests/unit/support/temporary_folder.h"

using namespace iothub::storage;
using iothub::test::TemporaryFolder;

namespace {

IdentityRow device(const std::string& id) {
  IdentityRow row;
  row.device_id = id;
  row.authentication_type = "sas";
  return row;
}

void add(SqliteStore& store, const std::string& id) {
  REQUIRE(store.insert_identity(device(id), {}));
  EventRow event;
  event.device_id = id;
  event.body = id;
  store.append_event(1, event);
  store.commit();
}

}  // namespace

TEST_CASE("a copy brings a store back to where it was, in memory and on the disk") {
  const TemporaryFolder folder;
  for (const bool in_memory : {true, false}) {
    CAPTURE(in_memory);
    const auto store = in_memory ? SqliteStore::in_memory({}) : SqliteStore::open(folder.path() / "hub.db", {});
    const auto file = folder.path() / "copy";
    add(*store, "a");
    store->save_copy(file);
    add(*store, "b");
    CHECK(store->next_sequence_number(1) == 2);
    store->load_copy(file);
    CHECK(store->identity("a", ""));
    CHECK_FALSE(store->identity("b", ""));
    CHECK(store->events(1, 0, 10).size() == 1);
    CHECK(store->next_sequence_number(1) == 1);
    add(*store, "c");
    CHECK(store->events(1, 0, 10).back().sequence_number == 1);
  }
}

TEST_CASE("a copy goes into another store, and may be saved over") {
  const TemporaryFolder folder;
  const auto file = folder.path() / "copy";
  const auto first = SqliteStore::in_memory({});
  add(*first, "a");
  first->save_copy(file);
  add(*first, "b");
  first->save_copy(file);
  const auto second = SqliteStore::open(folder.path() / "hub.db", {});
  second->load_copy(file);
  CHECK(second->identity("b", ""));
}

TEST_CASE("what is no copy of a hub with as many partitions is refused, and the store goes on as it was") {
  const TemporaryFolder folder;
  const auto store = SqliteStore::in_memory({});
  add(*store, "a");
  const auto garbage = folder.path() / "garbage";
  std::ofstream(garbage) << std::string(10'000, 'x');
  const auto other = folder.path() / "other";
  SqliteStore::in_memory({.partitions = 2})->save_copy(other);
  for (const auto& file : {garbage, other, folder.path() / "missing"}) {
    CAPTURE(file.string());
    CHECK_THROWS_AS(store->load_copy(file), Error);
    CHECK(store->identity("a", ""));
  }
  CHECK_FALSE(std::filesystem::exists(folder.path() / "missing"));
  add(*store, "b");
}

TEST_CASE("a store that is cleared is empty, and counts events from 0 or on") {
  for (const bool renumber : {true, false}) {
    CAPTURE(renumber);
    const auto store = SqliteStore::in_memory({});
    add(*store, "a");
    store->put_document("kind", "id", "{}");
    store->commit();
    store->clear(renumber);
    CHECK(store->device_counts().total == 0);
    CHECK(store->documents("kind").empty());
    CHECK(store->next_sequence_number(1) == (renumber ? 0 : 1));
    store->roll_back();
    CHECK(store->device_counts().total == 1);
    CHECK(store->next_sequence_number(1) == 1);
    store->clear(renumber);
    store->commit();
    CHECK(store->events(1, 0, 10).empty());
    add(*store, "b");
    CHECK(store->events(1, 0, 10).front().sequence_number == (renumber ? 0 : 1));
  }
}

TEST_CASE("a device's events are removed and no other's") {
  const auto store = SqliteStore::in_memory({});
  add(*store, "a");
  add(*store, "b");
  CHECK(store->remove_events_of(1, "a") == 1);
  CHECK(store->events(1, 0, 10).size() == 1);
}
