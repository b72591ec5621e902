#include "storage/checkpointer.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <thread>

#include "storage/sqlite_store.h"
#include "tests/unit/storage/rows.h"

using namespace iothub::storage;
using test::event;
using test::TemporaryFolder;

namespace {

void commit_events(SqliteStore& store, int count) {
  for (int i = 0; i < count; ++i) {
    store.append_event(0, event(std::string(4'000, 'x')));  // about one page
    store.commit();
  }
}

}  // namespace

TEST_CASE("a checkpoint takes all that was committed, and the next write starts the WAL again") {
  TemporaryFolder folder;
  const auto path = folder / "hub.db";
  auto store = SqliteStore::open(path, {});
  Checkpointer checkpointer(path.string());
  commit_events(*store, 20);
  const int grown = store->wal_pages();
  CHECK(grown >= 20);

  const CheckpointResult result = checkpointer.run();
  CHECK(result.wal_pages == grown);
  CHECK(result.checkpointed_pages == grown);
  CHECK_FALSE(result.busy);

  commit_events(*store, 1);
  CHECK(store->wal_pages() < 10);
  CHECK(store->events(0, 0, 100).size() == 21);
}

TEST_CASE("a checkpoint in the middle of a transaction takes the commits before it") {
  TemporaryFolder folder;
  const auto path = folder / "hub.db";
  auto store = SqliteStore::open(path, {});
  Checkpointer checkpointer(path.string());
  commit_events(*store, 5);
  store->append_event(0, event("open"));
  CHECK(checkpointer.run().checkpointed_pages == store->wal_pages());
  store->commit();
  CHECK(store->events(0, 0, 100).size() == 6);
}

TEST_CASE("a checkpoint is due once for each growth of the WAL, and anew when the WAL has started again") {
  TemporaryFolder folder;
  const auto path = folder / "hub.db";
  auto store = SqliteStore::open(path, {.checkpoint_pages = 50});
  Checkpointer checkpointer(path.string());
  CHECK_FALSE(store->take_checkpoint_due());
  const auto commit_until_due = [&] {
    for (int commits = 1; commits < 1000; ++commits) {
      commit_events(*store, 1);
      if (store->take_checkpoint_due()) return store->wal_pages();
    }
    return 0;
  };
  const int first = commit_until_due();
  CHECK(first >= 50);
  CHECK_FALSE(store->take_checkpoint_due());
  const int second = commit_until_due();
  CHECK(second >= first + 50);
  checkpointer.run();
  const int third = commit_until_due();
  CHECK(third >= 50);
  CHECK(third < second);
}

TEST_CASE("without any worker the WAL stays bounded") {
  TemporaryFolder folder;
  auto store = SqliteStore::open(folder / "hub.db", {.max_wal_pages = 100});
  int largest = 0;
  for (int i = 0; i < 500; ++i) {
    commit_events(*store, 1);
    largest = std::max(largest, store->wal_pages());
  }
  CHECK(largest >= 100);
  CHECK(largest < 120);
  CHECK(std::filesystem::file_size(folder / "hub.db-wal") < 120 * 4200);
  CHECK(store->events(0, 0, 1000).size() == 500);
}

TEST_CASE("a reader that holds the WAL stops no commit, and its end gives the WAL back") {
  TemporaryFolder folder;
  const auto path = folder / "hub.db";
  auto store = SqliteStore::open(path, {.max_wal_pages = 100});
  commit_events(*store, 1);
  Checkpointer checkpointer(path.string());
  {
    Connection reader(path.string());
    reader.execute("BEGIN; SELECT count(*) FROM event_0");
    commit_events(*store, 200);
    CHECK(store->wal_pages() > 200);
    const CheckpointResult result = checkpointer.run();
    CHECK(result.checkpointed_pages < result.wal_pages);
    CHECK(reader.integer("SELECT count(*) FROM event_0") == 1);
  }
  CHECK(checkpointer.run().checkpointed_pages == store->wal_pages());
  commit_events(*store, 1);
  CHECK(store->wal_pages() < 10);
}

TEST_CASE("checkpoints on another thread disturb neither commits nor reads") {
  TemporaryFolder folder;
  const auto path = folder / "hub.db";
  auto store = SqliteStore::open(path, {.checkpoint_pages = 20});
  Checkpointer checkpointer(path.string());
  for (int round = 0; round < 10; ++round) {
    std::string failure;
    std::thread worker([&] {
      try {
        for (int i = 0; i < 5; ++i) checkpointer.run();
      } catch (const Error& error) {
        failure = error.what();
      }
    });
    commit_events(*store, 100);
    worker.join();
    CHECK(failure == "");
  }
  CHECK(store->events(0, 0, 10'000).size() == 1'000);
}

TEST_CASE("a store in memory has no WAL and never asks for a checkpoint") {
  auto store = SqliteStore::in_memory({.checkpoint_pages = 1, .max_wal_pages = 1});
  commit_events(*store, 5);
  CHECK(store->wal_pages() == 0);
  CHECK_FALSE(store->take_checkpoint_due());
}
