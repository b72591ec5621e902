#pragma once
/// The read side of events, as the Event-Hubs-compatible endpoint shows it: positions in a partition, and who reads.
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/text/timestamp.h"
#include "storage/rows.h"

namespace iothub::storage {
class Store;
}

namespace iothub::hub {

/// Where a reader begins: at the first event whose value is greater, or with `inclusive` greater or equal.
struct EventPosition {
  enum class Kind : std::uint8_t { start, latest, offset, sequence_number, enqueued_time };
  Kind kind = Kind::start;
  std::int64_t value = 0;  ///< of an enqueued time: Unix milliseconds
  bool inclusive = false;

  bool operator==(const EventPosition&) const = default;
};

/// Why a receiver lost its place.
enum class ClaimEnd : std::uint8_t { stolen, group_removed };

struct PartitionState {
  std::int64_t begin_sequence_number = 0;
  std::int64_t last_sequence_number = -1;
  std::int64_t last_offset = -1;
  Timestamp last_enqueued_time{Timestamp::kUnixEpoch};
  bool empty = true;
};

class EventReader {
 public:
  /// A receiver's place at a partition of a consumer group; given up when it dies. Movable.
  class Claim {
   public:
    Claim() = default;
    Claim(Claim&& other) noexcept;
    Claim& operator=(Claim&& other) noexcept;
    ~Claim() { release(); }
    void release();

   private:
    friend class EventReader;
    Claim(EventReader& reader, std::uint64_t id) : reader_(&reader), id_(id) {}
    EventReader* reader_ = nullptr;
    std::uint64_t id_ = 0;
  };

  explicit EventReader(storage::Store& store) : store_(store) {}
  EventReader(const EventReader&) = delete;
  EventReader& operator=(const EventReader&) = delete;

  int partition_count() const;
  PartitionState state(int partition) const;
  /// The sequence number to read from.
  std::int64_t find(int partition, const EventPosition& position) const;
  /// Events with a sequence number of at least `from`, in order.
  std::vector<storage::EventRow> read(int partition, std::int64_t from, std::int64_t limit) const;

  /// Event Hubs' rule of epochs: one with an epoch as high as any displaces all others, whose `ended` is called;
  /// nothing when the partition has a higher one, or any and the newcomer has none. The group is in lower case.
  std::optional<Claim> claim(std::string_view group, int partition, std::optional<std::int64_t> epoch,
                             std::function<void(ClaimEnd)> ended);
  /// The group is there no more: its claims end.
  void end_claims(std::string_view group);

 private:
  void end(const std::vector<std::uint64_t>& claims, ClaimEnd how);

  struct Claimed {
    std::string group;
    int partition = 0;
    std::optional<std::int64_t> epoch;
    std::function<void(ClaimEnd)> ended;
  };
  storage::Store& store_;
  std::map<std::uint64_t, Claimed> claims_;
  std::uint64_t last_claim_ = 0;
};

}  // namespace iothub::hub
