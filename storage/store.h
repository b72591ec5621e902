#pragma once
/// What the hub asks of its storage: one function per question. One thread uses a store.
///
/// Every write belongs to the open transaction, which begins by itself at the first write and ends with commit() or
/// roll_back(). Reads see the writes of the open transaction. Nothing may be acknowledged to a client before commit()
/// has returned: after that it survives the death of the process.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "storage/rows.h"

namespace iothub::storage {

/// The storage cannot do its work: disk full, I/O error, damaged file. The open transaction is lost.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class Store {
 public:
  Store() = default;
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  virtual ~Store() = default;

  // ---- the open transaction -------------------------------------------------------------------------------------

  /// Whether there are writes that commit() has not made durable yet.
  virtual bool has_uncommitted() const = 0;
  /// Makes the open transaction durable; nothing to do is fine. Throws Error; the transaction is rolled back then.
  virtual void commit() = 0;
  /// Drops the open transaction; nothing to do is fine. Never throws.
  virtual void roll_back() noexcept = 0;

  /// Marks a place in the transaction, opened if need be, that undo_to_savepoint() goes back to: one at a time. It
  /// undoes no events, whose numbers are given away: between the two append_event must not be called.
  virtual void set_savepoint() = 0;
  /// Both end the savepoint. After an Error, which ends the transaction, neither may be called.
  virtual void keep_savepoint() = 0;
  virtual void undo_to_savepoint() = 0;

  // ---- identities and twins (module_id empty: the device itself) -------------------------------------------------

  virtual std::optional<IdentityRow> identity(std::string_view device_id, std::string_view module_id) = 0;
  /// False, and nothing written, when the identity exists.
  virtual bool insert_identity(const IdentityRow& identity, const TwinRow& twin) = 0;
  /// Replaces every column of an existing identity; false when there is none.
  virtual bool update_identity(const IdentityRow& identity) = 0;
  /// Removes an identity and all that hangs on it (twin, session; for a device its modules too); false when there was
  /// none.
  virtual bool remove_identity(std::string_view device_id, std::string_view module_id) = 0;

  /// Devices, newest first, at most `limit`.
  virtual std::vector<IdentityRow> devices(std::int64_t limit) = 0;
  /// The modules of one device, oldest first.
  virtual std::vector<IdentityRow> modules(std::string_view device_id) = 0;
  virtual std::int64_t module_count(std::string_view device_id) = 0;
  virtual DeviceCounts device_counts() = 0;

  virtual std::optional<TwinRow> twin(std::string_view device_id, std::string_view module_id) = 0;
  /// Replaces every column of an existing twin; false when there is none.
  virtual bool update_twin(const TwinRow& twin) = 0;

  /// Identities in key order after the given one (both empty: from the start), for scans in slices. Modules only or
  /// devices only.
  enum class Kind { devices, modules };
  virtual std::vector<IdentityRow> identities_after(Kind kind, std::string_view device_id, std::string_view module_id,
                                                    std::int64_t limit) = 0;

  /// Keys, in their order after the given one, of the identities whose tags may have this value: all that do, and maybe
  /// others (only the first 64 characters of names and texts are told apart, and numbers by their whole part).
  virtual std::vector<IdentityKey> tagged_after(Kind kind, const TagValue& tag, std::string_view device_id,
                                                std::string_view module_id, std::int64_t limit) = 0;
  /// Modules of this name, of the devices after the given one.
  virtual std::vector<IdentityKey> modules_named_after(std::string_view module_id, std::string_view device_id,
                                                       std::int64_t limit) = 0;

  /// Connection times, written behind: an identity that is gone is skipped.
  virtual void update_activity(std::string_view device_id, std::string_view module_id,
                               std::int64_t connection_state_updated_time, std::int64_t last_activity_time) = 0;

  // ---- protocol sessions ----------------------------------------------------------------------------------------

  /// What a protocol head keeps for an identity between connections (MQTT: its subscriptions), as its own text.
  virtual std::optional<std::string> session(std::string_view device_id, std::string_view module_id) = 0;
  virtual void put_session(std::string_view device_id, std::string_view module_id, std::string_view state) = 0;
  virtual void remove_session(std::string_view device_id, std::string_view module_id) = 0;

  // ---- cloud-to-device messages: one queue an identity; it goes with the identity --------------------------------

  /// Appends to the identity's queue and returns the sequence number, which no message of it has had before; the row's
  /// own is ignored. 0, and nothing written, when there is no such identity.
  virtual std::int64_t append_c2d_message(const C2dRow& message) = 0;
  /// Oldest first.
  virtual std::vector<std::int64_t> c2d_sequence_numbers(std::string_view device_id, std::string_view module_id) = 0;
  virtual std::optional<C2dRow> c2d_message(std::string_view device_id, std::string_view module_id,
                                            std::int64_t sequence_number) = 0;
  virtual std::int64_t c2d_message_count(std::string_view device_id, std::string_view module_id) = 0;
  virtual void set_c2d_delivery_count(std::string_view device_id, std::string_view module_id,
                                      std::int64_t sequence_number, std::int64_t delivery_count) = 0;
  /// False when there was none.
  virtual bool remove_c2d_message(std::string_view device_id, std::string_view module_id,
                                  std::int64_t sequence_number) = 0;
  /// Of all queues, what expires at `time` or before; bodies are left out.
  virtual std::vector<C2dRow> expired_c2d_messages(std::int64_t time) = 0;
  /// Of all queues, the first time after `after` at which a message expires.
  virtual std::optional<std::int64_t> next_c2d_expiry(std::int64_t after) = 0;

  // ---- feedback on them: records wait for a batch; they go with the identity that they are about -------------------

  /// A record about an identity that is gone is skipped.
  virtual void append_feedback(std::string_view device_id, std::string_view module_id, std::int64_t time,
                               std::string_view json) = 0;
  virtual FeedbackWaiting waiting_feedback() = 0;
  /// Puts the oldest waiting records, at most `limit`, into a new batch.
  virtual void form_feedback_batch(std::int64_t time, std::int64_t limit) = 0;
  /// Oldest first; a batch may have lost all its records.
  virtual std::vector<FeedbackBatchRow> feedback_batches() = 0;
  virtual std::vector<std::string> feedback_records(std::int64_t batch) = 0;
  virtual void set_feedback_delivery_count(std::int64_t batch, std::int64_t delivery_count) = 0;
  /// With its records.
  virtual void remove_feedback_batch(std::int64_t batch) = 0;

  // ---- documents: small collections of JSON texts (configurations, jobs) -------------------------------------------

  struct Document {
    std::string id;
    std::string json;
  };
  virtual std::optional<std::string> document(std::string_view kind, std::string_view id) = 0;
  /// All of a kind, by id.
  virtual std::vector<Document> documents(std::string_view kind) = 0;
  /// Of a kind, by id, after the given id (empty: from the start), for scans in slices.
  virtual std::vector<Document> documents_after(std::string_view kind, std::string_view id, std::int64_t limit) = 0;
  /// Of the kind `deviceJob`, those with this `deviceId`; else as documents_after().
  virtual std::vector<Document> device_jobs_after(std::string_view device_id, std::string_view id,
                                                  std::int64_t limit) = 0;
  /// Of the kind `job`, newest `createdTime` first, those made before the given one (id empty: from the newest).
  virtual std::vector<Document> jobs_made_before(std::string_view created_time, std::string_view id,
                                                 std::int64_t limit) = 0;
  /// The kinds that begin so and have a document.
  virtual std::vector<std::string> document_kinds(std::string_view prefix) = 0;
  virtual void put_document(std::string_view kind, std::string_view id, std::string_view json) = 0;
  /// False when there was none.
  virtual bool remove_document(std::string_view kind, std::string_view id) = 0;
  virtual void remove_documents(std::string_view kind) = 0;

  // ---- events ---------------------------------------------------------------------------------------------------

  virtual int partition_count() const = 0;
  /// Appends to a partition (0 .. partition_count()-1); returns the sequence number. The row's own sequence number and
  /// offset are ignored.
  virtual std::int64_t append_event(int partition, const EventRow& event) = 0;
  /// The sequence number that the partition's next event gets.
  virtual std::int64_t next_sequence_number(int partition) const = 0;
  /// Events with a sequence number of at least `from`, in order, at most `limit`.
  virtual std::vector<EventRow> events(int partition, std::int64_t from, std::int64_t limit) = 0;
  /// Of the partition's `limit` oldest events, removes those enqueued before `time`; returns how many. Numbering goes
  /// on where it was. Nothing to remove writes nothing.
  virtual std::int64_t remove_events_enqueued_before(int partition, std::int64_t time, std::int64_t limit) = 0;
  /// Removes a device's events from the partition, its modules' too; returns how many. Numbering goes on.
  virtual std::int64_t remove_events_of(int partition, std::string_view device_id) = 0;
  /// Nothing for a partition without events.
  virtual std::optional<EventSpan> event_span(int partition) = 0;
  /// Of the partition's `limit` oldest events, removes those with a smaller offset; returns how many. Numbering goes on
  /// where it was.
  virtual std::int64_t remove_events_below(int partition, std::int64_t offset, std::int64_t limit) = 0;

  // ---- outgoing events: they wait for the endpoint of a route ------------------------------------------------------

  virtual void append_outgoing(std::string_view endpoint, const EventRow& event) = 0;
  /// The endpoint's oldest, at most `limit` and about `most_bytes`, but one at least. Their sequence number is their
  /// place in the outbox, which grows and is given once.
  virtual std::vector<EventRow> outgoing_events(std::string_view endpoint, std::int64_t limit,
                                                std::size_t most_bytes) = 0;
  /// Removes those of the endpoint up to that place.
  virtual void remove_outgoing(std::string_view endpoint, std::int64_t up_to) = 0;
  /// Of the `limit` oldest of all endpoints, removes those enqueued before `time`; returns how many. Nothing to remove
  /// writes nothing.
  virtual std::int64_t remove_outgoing_enqueued_before(std::int64_t time, std::int64_t limit) = 0;

  // ---- the whole content ------------------------------------------------------------------------------------------

  /// Removes everything. `renumber`: events are counted from 0 again, as in a new store.
  virtual void clear(bool renumber) = 0;
};

}  // namespace iothub::storage
