#include "emulator/net/turn.h"

#include <doctest/doctest.h>

#include <string>

#include "storage/store.h"
#include "tests/unit/support/fake_clock.h"
#include "tests/unit/support/fake_random.h"
#include "tests/unit/support/fake_scheduler.h"

using namespace iothub;

namespace {

/// Only the transaction: a turn looks at nothing else.
class FakeStore final : public storage::Store {
 public:
  explicit FakeStore(std::string& log) : log_(log) {}
  bool uncommitted = false;
  bool disk_full = false;

  bool has_uncommitted() const override { return uncommitted; }
  void commit() override {
    uncommitted = false;
    if (disk_full) throw storage::Error("disk full");
    log_ += "commit ";
  }
  void roll_back() noexcept override {
    uncommitted = false;
    log_ += "roll-back ";
  }
  void set_savepoint() override {}
  void keep_savepoint() override {}
  void undo_to_savepoint() override {}

  std::optional<storage::IdentityRow> identity(std::string_view, std::string_view) override { return std::nullopt; }
  bool insert_identity(const storage::IdentityRow&, const storage::TwinRow&) override { return false; }
  bool update_identity(const storage::IdentityRow&) override { return false; }
  bool remove_identity(std::string_view, std::string_view) override { return false; }
  std::vector<storage::IdentityRow> devices(std::int64_t) override { return {}; }
  std::vector<storage::IdentityRow> modules(std::string_view) override { return {}; }
  std::int64_t module_count(std::string_view) override { return 0; }
  storage::DeviceCounts device_counts() override { return {}; }
  std::optional<storage::TwinRow> twin(std::string_view, std::string_view) override { return std::nullopt; }
  bool update_twin(const storage::TwinRow&) override { return false; }
  std::vector<storage::IdentityRow> identities_after(Kind, std::string_view, std::string_view, std::int64_t) override {
    return {};
  }
  std::vector<storage::IdentityKey> tagged_after(Kind, const storage::TagValue&, std::string_view, std::string_view,
                                                 std::int64_t) override {
    return {};
  }
  std::vector<storage::IdentityKey> modules_named_after(std::string_view, std::string_view, std::int64_t) override {
    return {};
  }
  void update_activity(std::string_view, std::string_view, std::int64_t, std::int64_t) override {}
  std::optional<std::string> session(std::string_view, std::string_view) override { return std::nullopt; }
  void put_session(std::string_view, std::string_view, std::string_view) override {}
  void remove_session(std::string_view, std::string_view) override {}
  std::int64_t append_c2d_message(const storage::C2dRow&) override { return 0; }
  std::vector<std::int64_t> c2d_sequence_numbers(std::string_view, std::string_view) override { return {}; }
  std::optional<storage::C2dRow> c2d_message(std::string_view, std::string_view, std::int64_t) override {
    return std::nullopt;
  }
  std::int64_t c2d_message_count(std::string_view, std::string_view) override { return 0; }
  void set_c2d_delivery_count(std::string_view, std::string_view, std::int64_t, std::int64_t) override {}
  bool remove_c2d_message(std::string_view, std::string_view, std::int64_t) override { return false; }
  std::vector<storage::C2dRow> expired_c2d_messages(std::int64_t) override { return {}; }
  std::optional<std::int64_t> next_c2d_expiry(std::int64_t) override { return std::nullopt; }
  void append_feedback(std::string_view, std::string_view, std::int64_t, std::string_view) override {}
  storage::FeedbackWaiting waiting_feedback() override { return {}; }
  void form_feedback_batch(std::int64_t, std::int64_t) override {}
  std::vector<storage::FeedbackBatchRow> feedback_batches() override { return {}; }
  std::vector<std::string> feedback_records(std::int64_t) override { return {}; }
  void set_feedback_delivery_count(std::int64_t, std::int64_t) override {}
  void remove_feedback_batch(std::int64_t) override {}
  std::optional<std::string> document(std::string_view, std::string_view) override { return std::nullopt; }
  std::vector<Document> documents(std::string_view) override { return {}; }
  std::vector<std::string> document_kinds(std::string_view) override { return {}; }
  std::vector<Document> documents_after(std::string_view, std::string_view, std::int64_t) override { return {}; }
  std::vector<Document> device_jobs_after(std::string_view, std::string_view, std::int64_t) override { return {}; }
  std::vector<Document> jobs_made_before(std::string_view, std::string_view, std::int64_t) override { return {}; }
  void put_document(std::string_view, std::string_view, std::string_view) override {}
  bool remove_document(std::string_view, std::string_view) override { return false; }
  void remove_documents(std::string_view) override {}
  int partition_count() const override { return 4; }
  std::int64_t append_event(int, const storage::EventRow&) override { return 0; }
  std::int64_t next_sequence_number(int) const override { return 0; }
  std::vector<storage::EventRow> events(int, std::int64_t, std::int64_t) override { return {}; }
  std::int64_t remove_events_enqueued_before(int, std::int64_t, std::int64_t) override { return 0; }
  std::int64_t remove_events_of(int, std::string_view) override { return 0; }
  std::optional<storage::EventSpan> event_span(int) override { return std::nullopt; }
  std::int64_t remove_events_below(int, std::int64_t, std::int64_t) override { return 0; }
  void append_outgoing(std::string_view, const storage::EventRow&) override {}
  std::vector<storage::EventRow> outgoing_events(std::string_view, std::int64_t, std::size_t) override { return {}; }
  void remove_outgoing(std::string_view, std::int64_t) override {}
  std::int64_t remove_outgoing_enqueued_before(std::int64_t, std::int64_t) override { return 0; }
  void clear(bool) override {}

 private:
  std::string& log_;
};

/// A hub whose store the test sees through.
struct WatchedHub {
  WatchedHub(std::string& log, std::string host_name)
      : store(log), hub(options(host_name), store, clock, scheduler, random) {}
  static hub::HubOptions options(const std::string& host_name) {
    hub::HubOptions options;
    options.host_names = {host_name};
    return options;
  }
  test::FakeClock clock;
  test::FakeScheduler scheduler;
  test::FakeRandom random;
  FakeStore store;
  hub::Hub hub;
};

struct Member final : net::TurnMember {
  Member(std::string& what_happens, std::string its_name, hub::Hub* its_hub)
      : log(what_happens), name(std::move(its_name)), my_hub(its_hub) {}
  std::string& log;
  std::string name;
  hub::Hub* my_hub;
  std::function<void()> on_write = [] {};

  hub::Hub* hub() const override { return my_hub; }
  void turn_failed() override { log += name + ".failed "; }
  void seal() override { log += name + ".seal "; }
  void write_sealed() override {
    log += name + ".write ";
    on_write();
  }
};

struct Fixture {
  std::string log;
  int posted = 0;
  WatchedHub a{log, "a.example"};
  WatchedHub b{log, "b.example"};
  hub::HubDirectory hubs;
  net::Turn turn{hubs, [this] { ++posted; }};
  std::shared_ptr<Member> a1 = std::make_shared<Member>(log, "a1", &a.hub);
  std::shared_ptr<Member> a2 = std::make_shared<Member>(log, "a2", &a.hub);
  std::shared_ptr<Member> b1 = std::make_shared<Member>(log, "b1", &b.hub);

  Fixture() {
    hubs.add(a.hub);
    hubs.add(b.hub);
  }
};

}  // namespace

TEST_CASE("everything of a turn is written after the commit, and nothing is written before all is sealed") {
  Fixture f;
  f.turn.add(f.a1);
  f.turn.add(f.a2);
  f.a.store.uncommitted = true;
  f.turn.finish();
  CHECK(f.log == "commit a1.seal a2.seal a1.write a2.write ");
}

TEST_CASE("a turn is asked to end once, however much happens in it") {
  Fixture f;
  f.turn.request();
  f.turn.add(f.a1);
  f.turn.request();
  CHECK(f.posted == 1);
  f.turn.finish();
  f.turn.request();
  CHECK(f.posted == 2);
}

TEST_CASE("hub writes without output are committed too") {
  Fixture f;
  f.b.store.uncommitted = true;
  f.turn.request();
  f.turn.finish();
  CHECK(f.log == "commit ");
}

TEST_CASE("a turn that wrote nothing commits nothing") {
  Fixture f;
  f.turn.add(f.a1);
  f.turn.finish();
  CHECK(f.log == "a1.seal a1.write ");
}

TEST_CASE("a failed commit fails the connections of that hub only") {
  Fixture f;
  f.turn.add(f.a1);
  f.turn.add(f.b1);
  f.a.store.uncommitted = f.b.store.uncommitted = true;
  f.a.store.disk_full = true;
  f.turn.finish();
  CHECK(f.log.find("a1.failed ") != std::string::npos);
  CHECK(f.log.find("b1.failed ") == std::string::npos);
  CHECK(f.log.ends_with("a1.seal b1.seal a1.write b1.write "));  // a1 writes its refusal
}

TEST_CASE("a storage error inside a call rolls its hub back and fails the turn so far") {
  Fixture f;
  f.turn.add(f.a1);
  f.turn.add(f.b1);
  f.a.store.uncommitted = f.b.store.uncommitted = true;
  f.turn.fail(&f.a.hub);
  CHECK(f.log == "roll-back a1.failed ");
  f.log.clear();
  f.turn.finish();
  CHECK(f.log == "commit a1.seal b1.seal a1.write b1.write ");  // hub b's
}

TEST_CASE("a storage error of an unknown hub fails every hub") {
  Fixture f;
  f.turn.add(f.a1);
  f.turn.add(f.b1);
  f.turn.fail(nullptr);
  CHECK(f.log == "roll-back a1.failed roll-back b1.failed ");
}

TEST_CASE("what a session's end causes while a turn is written belongs to the next turn") {
  Fixture f;
  f.a1->on_write = [&] {
    f.a.store.uncommitted = true;  // a will, published because the write failed
    f.turn.add(f.a2);
  };
  f.turn.add(f.a1);
  f.turn.finish();
  CHECK(f.log == "a1.seal a1.write ");
  CHECK(f.posted == 2);
  f.turn.finish();
  CHECK(f.log == "a1.seal a1.write commit a2.seal a2.write ");
}
