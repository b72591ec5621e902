#include "emulator/hub/event_reader.h"

#include <algorithm>

#include "storage/store.h"

namespace iothub::hub {
namespace {

std::int64_t value_of(const storage::EventRow& event, EventPosition::Kind kind) {
  switch (kind) {
    case EventPosition::Kind::offset:
      return event.offset;
    case EventPosition::Kind::enqueued_time:
      return Timestamp{event.enqueued_time}.unix_milliseconds();
    case EventPosition::Kind::sequence_number:
    case EventPosition::Kind::start:
    case EventPosition::Kind::latest:
      break;
  }
  return event.sequence_number;
}

}  // namespace

int EventReader::partition_count() const {
  return store_.partition_count();
}

PartitionState EventReader::state(int partition) const {
  PartitionState state;
  const std::int64_t next = store_.next_sequence_number(partition);
  state.last_sequence_number = next - 1;
  state.begin_sequence_number = next;
  const std::vector<storage::EventRow> last = store_.events(partition, next - 1, 1);
  if (last.empty()) return state;
  state.empty = false;
  state.begin_sequence_number = store_.events(partition, 0, 1).front().sequence_number;
  state.last_offset = last.front().offset;
  state.last_enqueued_time = {last.front().enqueued_time};
  return state;
}

std::int64_t EventReader::find(int partition, const EventPosition& position) const {
  const std::int64_t next = store_.next_sequence_number(partition);
  switch (position.kind) {
    case EventPosition::Kind::start:
      return 0;
    case EventPosition::Kind::latest:
      return next;
    case EventPosition::Kind::sequence_number:
      if (position.value >= next) return next;
      return position.inclusive ? position.value : position.value + 1;
    case EventPosition::Kind::offset:
    case EventPosition::Kind::enqueued_time:
      break;
  }
  // Both grow with the sequence number (a clock set back makes the time a near miss), so halving needs no index.
  std::int64_t low = 0;
  std::int64_t high = next;
  while (low < high) {
    const std::int64_t middle = low + (high - low) / 2;
    const std::vector<storage::EventRow> event = store_.events(partition, middle, 1);
    const bool reached =
        event.empty() || (position.inclusive ? value_of(event.front(), position.kind) >= position.value
                                             : value_of(event.front(), position.kind) > position.value);
    if (reached) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

std::vector<storage::EventRow> EventReader::read(int partition, std::int64_t from, std::int64_t limit) const {
  return store_.events(partition, from, limit);
}

std::optional<EventReader::Claim> EventReader::claim(std::string_view group, int partition,
                                                     std::optional<std::int64_t> epoch,
                                                     std::function<void(ClaimEnd)> ended) {
  std::vector<std::uint64_t> displaced;
  for (const auto& [id, other] : claims_) {
    if (other.group != group || other.partition != partition) continue;
    if (other.epoch && (!epoch || *epoch < *other.epoch)) return std::nullopt;
    if (epoch) displaced.push_back(id);
  }
  end(displaced, ClaimEnd::stolen);
  claims_[++last_claim_] = {std::string(group), partition, epoch, std::move(ended)};
  return Claim(*this, last_claim_);
}

void EventReader::end_claims(std::string_view group) {
  std::vector<std::uint64_t> ending;
  for (const auto& [id, claimed] : claims_) {
    if (claimed.group == group) ending.push_back(id);
  }
  end(ending, ClaimEnd::group_removed);
}

/// Whoever is told may release other claims.
void EventReader::end(const std::vector<std::uint64_t>& claims, ClaimEnd how) {
  for (const std::uint64_t id : claims) {
    const auto found = claims_.find(id);
    if (found == claims_.end()) continue;
    const std::function<void(ClaimEnd)> tell = std::move(found->second.ended);
    claims_.erase(found);
    tell(how);
  }
}

EventReader::Claim::Claim(Claim&& other) noexcept : reader_(std::exchange(other.reader_, nullptr)), id_(other.id_) {}

EventReader::Claim& EventReader::Claim::operator=(Claim&& other) noexcept {
  if (this != &other) {
    release();
    reader_ = std::exchange(other.reader_, nullptr);
    id_ = other.id_;
  }
  return *this;
}

void EventReader::Claim::release() {
  if (EventReader* reader = std::exchange(reader_, nullptr)) reader->claims_.erase(id_);
}

}  // namespace iothub::hub
