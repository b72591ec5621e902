#include <doctest/doctest.h>

#include "storage/sqlite_store.h"
#include "tests/unit/storage/rows.h"

using namespace iothub;
using storage::SqliteStore;

namespace {

std::vector<std::string> bodies(const std::vector<storage::EventRow>& events) {
  std::vector<std::string> out;
  for (const auto& event : events) out.push_back(event.body);
  return out;
}
using Texts = std::vector<std::string>;
constexpr std::size_t kMuch = 1'000'000;

}  // namespace

TEST_CASE("outgoing events wait in the order they came, each endpoint's for itself, whole, and over a restart") {
  const storage::test::TemporaryFolder folder;
  const auto file = folder.path() / "hub.db";
  {
    const auto store = SqliteStore::open(file, {});
    store->append_outgoing("a", storage::test::event("1"));
    store->append_outgoing("b", storage::test::event("2"));
    store->append_outgoing("a", storage::test::event("3"));
    store->commit();
    store->append_outgoing("a", storage::test::event("never committed"));
  }
  const auto store = SqliteStore::open(file, {});
  const auto events = store->outgoing_events("a", 10, kMuch);
  CHECK(bodies(events) == Texts{"1", "3"});
  storage::EventRow first = storage::test::event("1");
  first.sequence_number = events[0].sequence_number;
  first.offset = 0;
  CHECK(events[0] == first);
  CHECK(bodies(store->outgoing_events("a", 1, kMuch)) == Texts{"1"});
  CHECK(bodies(store->outgoing_events("a", 10, 1)) == Texts{"1"});  // one at least
  store->remove_outgoing("a", events[0].sequence_number);
  CHECK(bodies(store->outgoing_events("a", 10, kMuch)) == Texts{"3"});
  CHECK(bodies(store->outgoing_events("b", 10, kMuch)) == Texts{"2"});
}

TEST_CASE("outgoing events past their time go, whoever they wait for") {
  const auto store = SqliteStore::in_memory({});
  for (const std::int64_t time : {10, 20, 30}) {
    storage::EventRow event = storage::test::event(std::to_string(time));
    event.enqueued_time = time;
    store->append_outgoing(time == 20 ? "b" : "a", event);
  }
  store->commit();
  CHECK(store->remove_outgoing_enqueued_before(10, 100) == 0);
  CHECK_FALSE(store->has_uncommitted());
  CHECK(store->remove_outgoing_enqueued_before(25, 1) == 1);
  CHECK(store->remove_outgoing_enqueued_before(25, 100) == 1);
  CHECK(bodies(store->outgoing_events("a", 10, kMuch)) == Texts{"30"});
  CHECK(store->outgoing_events("b", 10, kMuch).empty());
}

TEST_CASE("a partition tells what its events take, and gives up those below an offset") {
  const auto store = SqliteStore::in_memory({});
  CHECK_FALSE(store->event_span(0));
  for (const char* body : {"1", "2", "3"}) store->append_event(0, storage::test::event(body));
  const auto events = store->events(0, 0, 10);
  const std::int64_t each = events[1].offset - events[0].offset;
  const auto span = store->event_span(0);
  REQUIRE(span);
  CHECK(span->oldest_offset == events[0].offset);
  CHECK(span->oldest_enqueued_time == events[0].enqueued_time);
  CHECK(span->bytes == 3 * each);
  CHECK(store->remove_events_below(0, events[0].offset + 1, 10) == 1);
  CHECK(store->remove_events_below(0, events[2].offset + 1, 1) == 1);
  CHECK(bodies(store->events(0, 0, 10)) == Texts{"3"});
  CHECK(store->event_span(0)->bytes == each);
  CHECK(store->next_sequence_number(0) == 3);
}
