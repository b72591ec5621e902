/// What a database file lives through: reopening, a second opener, strangers, full disks and kill -9.
#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <sstream>

#include "storage/connection.h"
#include "storage/schema.h"
#include "storage/sqlite_store.h"
#include "tests/unit/storage/rows.h"

using namespace iothub::storage;
using test::event;
using test::identity;
using test::TemporaryFolder;
using test::twin;

namespace {

/// The message of the Error that opening throws; fails when it opens.
std::string refusal(const std::filesystem::path& path, const SqliteStore::Options& options = {}) {
  try {
    SqliteStore::open(path, options);
  } catch (const Error& error) {
    return error.what();
  }
  FAIL("the database opened");
  return {};
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// Runs `work` in a child process and returns its wait status; work that returns exits 0, work that throws 1.
template <typename Work>
int in_child(Work work) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    try {
      work();
    } catch (...) {
      ::_exit(1);
    }
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return status;
}

void check_integrity(const std::filesystem::path& path) {
  Connection connection(path.string());
  CHECK(connection.text("PRAGMA integrity_check") == "ok");
  CHECK(connection.text("SELECT count(*) FROM pragma_foreign_key_check") == "0");
}

}  // namespace

TEST_CASE("a reopened store has what was committed and nothing that was not") {
  TemporaryFolder folder;
  {
    auto store = SqliteStore::open(folder / "hub.db", {});
    store->insert_identity(identity("d"), twin("d"));
    store->put_session("d", "", "topics");
    store->append_event(3, event("a"));
    store->append_event(3, event("b"));
    store->commit();
    store->insert_identity(identity("lost"), twin("lost"));
    store->append_event(3, event("lost"));
  }
  auto store = SqliteStore::open(folder / "hub.db", {});
  CHECK(store->identity("d", "") == identity("d"));
  CHECK(store->twin("d", "") == twin("d"));
  CHECK(store->session("d", "") == "topics");
  CHECK_FALSE(store->identity("lost", ""));
  CHECK(store->append_event(3, event("c")) == 2);
  const auto events = store->events(3, 0, 9);
  REQUIRE(events.size() == 3);
  CHECK(events[2].body == "c");
  // The same as without reopening: equal events are equally far apart.
  CHECK(events[2].offset - events[1].offset == events[1].offset - events[0].offset);
}

TEST_CASE("numbers go on after a reopening when retention has taken every event") {
  TemporaryFolder folder;
  std::int64_t newest_offset = 0;
  {
    auto store = SqliteStore::open(folder / "hub.db", {});
    for (int i = 0; i < 3; ++i) store->append_event(0, event("x"));
    newest_offset = store->events(0, 2, 1).at(0).offset;
    store->remove_events_before(0, 3);
    store->commit();
  }
  auto store = SqliteStore::open(folder / "hub.db", {});
  CHECK(store->events(0, 0, 9).empty());
  CHECK(store->append_event(0, event("y")) == 3);
  CHECK(store->events(0, 3, 1).at(0).offset > newest_offset);
}

TEST_CASE("a closed store leaves one file, for its owner only, and no WAL") {
  TemporaryFolder folder;
  const auto path = folder / "hub.db";
  {
    auto store = SqliteStore::open(path, {});
    store->append_event(0, event("a"));
    store->commit();
    CHECK(std::filesystem::exists(folder / "hub.db-wal"));
    for (const char* file : {"hub.db", "hub.db-wal", "hub.db.lock"}) {
      struct stat status {};
      REQUIRE(::stat((folder / file).c_str(), &status) == 0);
      CHECK((status.st_mode & 0777) == 0600);
    }
  }
  CHECK_FALSE(std::filesystem::exists(folder / "hub.db-wal"));
  check_integrity(path);
}

TEST_CASE("a database in use is refused, naming the process, until it is closed") {
  TemporaryFolder folder;
  const auto path = folder / "hub.db";
  auto first = SqliteStore::open(path, {});
  const std::string message = refusal(path);
  CHECK(contains(message, path.string()));
  CHECK(contains(message, "in use"));
  CHECK(contains(message, std::to_string(::getpid())));
  CHECK(in_child([&] { SqliteStore::open(path, {}); }) != 0);

  first->append_event(0, event("a"));  // the refused openers did no harm
  first->commit();
  first.reset();
  CHECK(SqliteStore::open(path, {})->events(0, 0, 9).size() == 1);
}

TEST_CASE("a newer schema is refused, naming the file and both versions, and left as it is") {
  TemporaryFolder folder;
  const auto path = folder / "hub.db";
  SqliteStore::open(path, {}).reset();
  Connection(path.string()).execute("PRAGMA user_version = 1234");
  const std::string message = refusal(path);
  CHECK(contains(message, path.string()));
  CHECK(contains(message, "1234"));
  CHECK(contains(message, "up to " + std::to_string(kSchemaVersion)));
  CHECK(Connection(path.string()).integer("PRAGMA user_version") == 1234);
}

TEST_CASE("a database of another program is refused and left as it is") {
  TemporaryFolder folder;
  const auto path = folder / "hub.db";
  SUBCASE("with tables") {
    Connection(path.string()).execute("CREATE TABLE theirs (a)");
  }
  SUBCASE("with an application id") {
    Connection(path.string()).execute("PRAGMA application_id = 42; CREATE TABLE a (a)");
  }
  CHECK(contains(refusal(path), "another program"));
  Connection connection(path.string());
  CHECK(connection.text("PRAGMA journal_mode") == "delete");
  CHECK(connection.integer("SELECT count(*) FROM sqlite_schema") == 1);
}

TEST_CASE("a database that was cut off while it was made is made anew") {
  TemporaryFolder folder;
  const auto path = folder / "hub.db";
  Connection(path.string())
      .execute("PRAGMA journal_mode = WAL");  // as far as opening comes before its first transaction
  auto store = SqliteStore::open(path, {});
  CHECK(store->append_event(0, event("a")) == 0);
  store->commit();
}

TEST_CASE("another partition count is refused, naming both") {
  TemporaryFolder folder;
  SqliteStore::open(folder / "hub.db", {.partitions = 4}).reset();
  const std::string message = refusal(folder / "hub.db", {.partitions = 8});
  CHECK(contains(message, "4 partitions"));
  CHECK(contains(message, "with 8"));
  CHECK(SqliteStore::open(folder / "hub.db", {.partitions = 4})->partition_count() == 4);
}

TEST_CASE("a file that is no database is refused and left as it is") {
  TemporaryFolder folder;
  const auto path = folder / "hub.db";
  const std::string content(8192, 'x');
  std::ofstream(path) << content;
  const std::string message = refusal(path);
  CHECK(contains(message, path.string()));
  CHECK(contains(message, "not a database"));
  std::ostringstream left;
  left << std::ifstream(path).rdbuf();
  CHECK(left.str() == content);
}

TEST_CASE("a damaged page gives an error, and the rest of the store goes on") {
  TemporaryFolder folder;
  const auto path = folder / "hub.db";
  std::int64_t twin_page = 0;
  {
    auto store = SqliteStore::open(path, {});
    store->insert_identity(identity("d"), twin("d"));
    store->commit();
  }
  {
    Connection connection(path.string());
    twin_page = connection.integer("SELECT rootpage FROM sqlite_schema WHERE name = 'twin'");
  }
  {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp((twin_page - 1) * 4096);
    file << std::string(4096, '\xff');
  }
  auto store = SqliteStore::open(path, {});
  CHECK_THROWS_AS(store->twin("d", ""), Error);
  store->append_event(0, event("a"));
  try {
    store->twin("d", "");
    FAIL("the damage was not seen");
  } catch (const Error& error) {
    CHECK(contains(error.what(), "damaged"));
  }
  CHECK_FALSE(store->has_uncommitted());  // a failed read ends the open transaction too
  CHECK(store->append_event(0, event("b")) == 0);
  store->commit();
  CHECK(store->identity("d", "") == identity("d"));
}

TEST_CASE("a missing folder is refused by name") {
  TemporaryFolder folder;
  const auto path = folder / "missing" / "hub.db";
  const std::string message = refusal(path);
  CHECK(contains(message, path.string()));
  CHECK(contains(message, "must exist"));
}

TEST_CASE("a folder that may not be written is refused by name") {
  TemporaryFolder folder;
  const auto path = folder / "hub.db";
  REQUIRE(::chmod(folder.path().c_str(), 0555) == 0);
  const int status = in_child([&] {
    if (::geteuid() == 0 && ::seteuid(65534) != 0) throw std::runtime_error("still root");  // root may write anywhere
    try {
      SqliteStore::open(path, {});
    } catch (const Error& error) {
      if (contains(error.what(), path.string()) && contains(error.what(), "writable")) return;
    }
    throw std::runtime_error("not refused as it should be");
  });
  CHECK(status == 0);
}

TEST_CASE("a full database refuses the write, loses only the open transaction, and goes on") {
  TemporaryFolder folder;
  const auto path = folder / "hub.db";
  std::unique_ptr<SqliteStore> store;
  SUBCASE("on disk") {
    store = SqliteStore::open(path, {.max_pages = 100});
  }
  SUBCASE("in memory") {
    store = SqliteStore::in_memory({.max_pages = 100});
  }
  store->append_event(0, event("first"));
  store->commit();

  const auto fill = [&] {
    for (int i = 0; i < 1000; ++i) store->append_event(0, event(std::string(10'000, 'x')));
  };
  CHECK_THROWS_AS(fill(), Error);
  CHECK_FALSE(store->has_uncommitted());
  CHECK(store->events(0, 0, 9).size() == 1);
  CHECK(store->append_event(0, event("second")) == 1);
  store->commit();
  CHECK(store->events(0, 0, 9).size() == 2);
}

TEST_CASE("a commit that the disk refuses throws, and a later one succeeds") {
  TemporaryFolder folder;
  const auto path = folder / "hub.db";
  auto store = SqliteStore::open(path, {});
  store->append_event(0, event("first"));
  store->commit();

  // A file size limit refuses what the WAL appends, as a full disk does.
  rlimit former{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &former) == 0);
  const auto former_handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit tight{.rlim_cur = std::filesystem::file_size(folder / "hub.db-wal"), .rlim_max = former.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &tight) == 0);
  store->append_event(0, event("refused"));
  std::string message;
  try {
    store->commit();
  } catch (const Error& error) {
    message = error.what();
  }
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &former) == 0);
  std::signal(SIGXFSZ, former_handler);

  CHECK(contains(message, path.string()));
  CHECK_FALSE(store->has_uncommitted());
  CHECK(store->events(0, 0, 9).size() == 1);
  CHECK(store->append_event(0, event("second")) == 1);
  store->commit();
  store.reset();
  CHECK(SqliteStore::open(path, {})->events(0, 0, 9).size() == 2);
  check_integrity(path);
}

TEST_CASE("kill -9 in the middle of a transaction loses nothing that was committed and keeps nothing that was not") {
  TemporaryFolder folder;
  const auto path = folder / "hub.db";
  const int status = in_child([&] {
    auto store = SqliteStore::open(path, {});
    for (int i = 0; i < 50; ++i) {
      store->append_event(0, event(std::to_string(i)));
      store->commit();
    }
    store->insert_identity(identity("kept"), twin("kept"));
    store->commit();
    store->remove_identity("kept", "");
    store->insert_identity(identity("lost"), twin("lost"));
    // More than the page cache holds: uncommitted pages are in the WAL when the process dies.
    for (int i = 0; i < 1000; ++i) store->append_event(0, event(std::string(10'000, 'x')));
    std::raise(SIGKILL);
  });
  REQUIRE(WIFSIGNALED(status));
  REQUIRE(WTERMSIG(status) == SIGKILL);
  CHECK(std::filesystem::file_size(folder / "hub.db-wal") > 2'000'000);

  {
    auto store = SqliteStore::open(path, {});
    const auto events = store->events(0, 0, 1000);
    REQUIRE(events.size() == 50);
    for (int i = 0; i < 50; ++i) CHECK(events[static_cast<std::size_t>(i)].body == std::to_string(i));
    CHECK(store->identity("kept", "") == identity("kept"));
    CHECK(store->twin("kept", "") == twin("kept"));
    CHECK_FALSE(store->identity("lost", ""));
    CHECK(store->append_event(0, event("next")) == 50);
    store->commit();
  }
  check_integrity(path);
}

TEST_CASE("the file is set up as the header promises") {
  TemporaryFolder folder;
  const auto path = folder / "hub.db";
  SqliteStore::open(path, {}).reset();
  Connection connection(path.string());
  CHECK(connection.text("PRAGMA journal_mode") == "wal");
  CHECK(connection.integer("PRAGMA page_size") == 4096);
  CHECK(connection.integer("PRAGMA application_id") == kApplicationId);
  CHECK(connection.integer("PRAGMA user_version") == kSchemaVersion);
}

TEST_CASE("a database from before the index of tags gets it with what is there") {
  TemporaryFolder folder;
  const auto path = folder / "hub.db";
  {
    auto store = SqliteStore::open(path, {});
    TwinRow row = twin("d");
    row.tags = R"({"place":{"plant":"p1"}})";
    store->insert_identity(identity("d"), row);
    store->commit();
  }
  {
    Connection connection(path.string());
    connection.execute(
        "DROP TRIGGER tag_twin_inserted; DROP TRIGGER tag_twin_updated; DROP TRIGGER tag_identity_removed;"
        "DROP TABLE tag; DROP INDEX identity_module_names; DROP INDEX document_created; DROP INDEX document_device;"
        "ALTER TABLE document DROP COLUMN created_time; ALTER TABLE document DROP COLUMN device_id;"
        "PRAGMA user_version = 3");
  }
  auto store = SqliteStore::open(path, {});
  CHECK(store->tagged_after(Store::Kind::devices, {"plant", "p1"}, "", "", 9).size() == 1);
  CHECK(store->twin("d", "")->tags == R"({"place":{"plant":"p1"}})");
  store.reset();
  check_integrity(path);
}
