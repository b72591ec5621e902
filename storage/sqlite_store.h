#pragma once
/// The store on SQLite: one file with its WAL beside it, or a private database in memory with the same statements.
///
/// Durability: WAL with synchronous=NORMAL. A commit that has returned survives the death of the process, kill -9
/// included. A power cut or a kernel crash may take the commits since the last checkpoint, newest first, never a part
/// of one, and never damages the file.
///
/// After any Error the open transaction is gone (has_uncommitted() is false) and the store goes on working as far as
/// the disk lets it.
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "storage/store.h"

struct sqlite3;

namespace iothub::storage {

class SqliteStore final : public Store {
 public:
  struct Options {
    int partitions = 4;  ///< of a new database; an existing one must have as many
    /// The database's size limit in pages of 4096 bytes, 0: none. Beyond it writes throw Error as on a full disk.
    int max_pages = 0;
    /// take_checkpoint_due() says so each time the WAL has grown by this many pages: 4 MiB.
    int checkpoint_pages = 1'000;
    /// From this many pages on (64 MiB) commit() itself checkpoints: under steady load the worker never catches the
    /// last pages, and only a WAL that is wholly checkpointed starts again from its beginning.
    int max_wal_pages = 16'384;
  };

  /// Opens or makes the database `path`; the file is readable by its owner only, for it holds device keys. Throws Error
  /// when it is in use, damaged, of another program, of a newer schema or of another partition count, or when the
  /// folder is missing or not writable. `<path>.lock` is held as long as the store lives.
  static std::unique_ptr<SqliteStore> open(const std::filesystem::path& path, const Options& options);
  /// Has its tables from its first write on: a hub that nobody uses costs no more than its connection.
  static std::unique_ptr<SqliteStore> in_memory(const Options& options);

  /// Drops the open transaction, checkpoints and removes the WAL.
  ~SqliteStore() override;

  bool has_uncommitted() const override;
  void commit() override;
  void roll_back() noexcept override;
  void set_savepoint() override;
  void keep_savepoint() override;
  void undo_to_savepoint() override;

  std::optional<IdentityRow> identity(std::string_view device_id, std::string_view module_id) override;
  /// The twin belongs to the identity given; its own ids are not looked at.
  bool insert_identity(const IdentityRow& identity, const TwinRow& twin) override;
  bool update_identity(const IdentityRow& identity) override;
  bool remove_identity(std::string_view device_id, std::string_view module_id) override;
  std::vector<IdentityRow> devices(std::int64_t limit) override;
  std::vector<IdentityRow> modules(std::string_view device_id) override;
  std::int64_t module_count(std::string_view device_id) override;
  DeviceCounts device_counts() override;
  std::vector<IdentityRow> identities_after(Kind kind, std::string_view device_id, std::string_view module_id,
                                            std::int64_t limit) override;
  std::vector<IdentityKey> tagged_after(Kind kind, const TagValue& tag, std::string_view device_id,
                                        std::string_view module_id, std::int64_t limit) override;
  std::vector<IdentityKey> modules_named_after(std::string_view module_id, std::string_view device_id,
                                               std::int64_t limit) override;
  void update_activity(std::string_view device_id, std::string_view module_id,
                       std::int64_t connection_state_updated_time, std::int64_t last_activity_time) override;

  std::optional<TwinRow> twin(std::string_view device_id, std::string_view module_id) override;
  bool update_twin(const TwinRow& twin) override;

  std::optional<std::string> session(std::string_view device_id, std::string_view module_id) override;
  /// The session of an identity that is gone is skipped.
  void put_session(std::string_view device_id, std::string_view module_id, std::string_view state) override;
  void remove_session(std::string_view device_id, std::string_view module_id) override;

  std::int64_t append_c2d_message(const C2dRow& message) override;
  std::vector<std::int64_t> c2d_sequence_numbers(std::string_view device_id, std::string_view module_id) override;
  std::optional<C2dRow> c2d_message(std::string_view device_id, std::string_view module_id,
                                    std::int64_t sequence_number) override;
  std::int64_t c2d_message_count(std::string_view device_id, std::string_view module_id) override;
  void set_c2d_delivery_count(std::string_view device_id, std::string_view module_id, std::int64_t sequence_number,
                              std::int64_t delivery_count) override;
  bool remove_c2d_message(std::string_view device_id, std::string_view module_id,
                          std::int64_t sequence_number) override;
  std::vector<C2dRow> expired_c2d_messages(std::int64_t time) override;
  std::optional<std::int64_t> next_c2d_expiry(std::int64_t after) override;

  void append_feedback(std::string_view device_id, std::string_view module_id, std::int64_t time,
                       std::string_view json) override;
  FeedbackWaiting waiting_feedback() override;
  void form_feedback_batch(std::int64_t time, std::int64_t limit) override;
  std::vector<FeedbackBatchRow> feedback_batches() override;
  std::vector<std::string> feedback_records(std::int64_t batch) override;
  void set_feedback_delivery_count(std::int64_t batch, std::int64_t delivery_count) override;
  void remove_feedback_batch(std::int64_t batch) override;

  std::optional<std::string> document(std::string_view kind, std::string_view id) override;
  std::vector<Document> documents(std::string_view kind) override;
  std::vector<Document> documents_after(std::string_view kind, std::string_view id, std::int64_t limit) override;
  std::vector<Document> device_jobs_after(std::string_view device_id, std::string_view id, std::int64_t limit) override;
  std::vector<Document> jobs_made_before(std::string_view created_time, std::string_view id,
                                         std::int64_t limit) override;
  std::vector<std::string> document_kinds(std::string_view prefix) override;
  void put_document(std::string_view kind, std::string_view id, std::string_view json) override;
  bool remove_document(std::string_view kind, std::string_view id) override;
  void remove_documents(std::string_view kind) override;

  int partition_count() const override;
  std::int64_t append_event(int partition, const EventRow& event) override;
  std::int64_t next_sequence_number(int partition) const override;
  std::vector<EventRow> events(int partition, std::int64_t from, std::int64_t limit) override;
  std::int64_t remove_events_enqueued_before(int partition, std::int64_t time, std::int64_t limit) override;
  std::int64_t remove_events_of(int partition, std::string_view device_id) override;
  void clear(bool renumber) override;
  std::optional<EventSpan> event_span(int partition) override;
  std::int64_t remove_events_below(int partition, std::int64_t offset, std::int64_t limit) override;
  void append_outgoing(std::string_view endpoint, const EventRow& event) override;
  std::vector<EventRow> outgoing_events(std::string_view endpoint, std::int64_t limit, std::size_t most_bytes) override;
  void remove_outgoing(std::string_view endpoint, std::int64_t up_to) override;
  std::int64_t remove_outgoing_enqueued_before(std::int64_t time, std::int64_t limit) override;
  /// Removes the events with a smaller sequence number; returns how many. Numbering goes on where it was, also when
  /// none is left.
  std::int64_t remove_events_before(int partition, std::int64_t sequence_number);

  // ---- copies -----------------------------------------------------------------------------------------------------

  /// Writes what is committed into a file of its own, whole or not at all; over an older one. Throws Error.
  void save_copy(const std::filesystem::path& file);
  /// Makes a copy's content this store's, committed; an open transaction is dropped. Throws Error for a file that is no
  /// copy, of a newer schema or of another partition count; then all is as before.
  void load_copy(const std::filesystem::path& file);

  // ---- the WAL ----------------------------------------------------------------------------------------------------

  /// Pages in the WAL as of the last commit; 0 in memory.
  int wal_pages() const { return wal_pages_; }
  /// True once each time the WAL has grown by Options::checkpoint_pages: let a worker run a Checkpointer then.
  bool take_checkpoint_due();

 private:
  struct Database;  // the lock, the connection and the prepared statements

  /// Where a partition's next event goes; `committed_*` is where roll_back() returns to.
  struct Position {
    std::int64_t next_sequence_number = 0;
    std::int64_t next_offset = 0;
    std::int64_t committed_sequence_number = 0;
    std::int64_t committed_offset = 0;
  };

  SqliteStore(std::unique_ptr<Database> database, const Options& options);

  static int note_wal_size(void* store, sqlite3* connection, const char* schema, int pages);
  void bound_wal();
  void load_positions();
  Position& position(int partition) { return positions_.at(static_cast<std::size_t>(partition)); }
  template <typename Question>
  auto read(Question question);
  template <typename Change>
  auto write(Change change);

  Options options_;
  std::unique_ptr<Database> database_;
  std::vector<Position> positions_;
  int wal_pages_ = 0;
  int checkpoint_due_at_ = 0;
  int bound_wal_at_ = 0;
};

}  // namespace iothub::storage
