#include "emulator/heads/amqp/management.h"

#include "emulator/hub/event_reader.h"
#include "protocol/text/ascii.h"

namespace iothub::heads::amqp_head {
namespace {

amqp::Time time_of(Timestamp time) {
  return {time.unix_milliseconds()};
}

amqp::Map event_hub_properties(hub::Hub& hub) {
  amqp::Array ids;
  const int count = hub.event_reader().partition_count();
  for (int id = 0; id < count; ++id) ids.items.emplace_back(std::to_string(id));
  amqp::Map map;
  amqp::add_string(map, "name", hub.short_name());
  amqp::add_string(map, "type", std::string("com.microsoft:eventhub"));
  // A hub's birth is not kept: the epoch is a time before every event.
  amqp::add_string(map, "created_at", amqp::Time{0});
  amqp::add_string(map, "partition_count", std::int32_t{count});
  amqp::add_string(map, "partition_ids", std::move(ids));
  return map;
}

amqp::Map partition_properties(hub::Hub& hub, int partition) {
  const hub::PartitionState state = hub.event_reader().state(partition);
  amqp::Map map;
  amqp::add_string(map, "name", hub.short_name());
  amqp::add_string(map, "type", std::string("com.microsoft:partition"));
  amqp::add_string(map, "partition", std::to_string(partition));
  amqp::add_string(map, "begin_sequence_number", state.begin_sequence_number);
  amqp::add_string(map, "last_enqueued_sequence_number", state.last_sequence_number);
  amqp::add_string(map, "last_enqueued_offset", std::to_string(state.last_offset));
  amqp::add_string(map, "last_enqueued_time_utc", time_of(state.last_enqueued_time));
  amqp::add_string(map, "is_partition_empty", state.empty);
  return map;
}

}  // namespace

std::optional<int> partition_number(hub::Hub& hub, std::string_view name) {
  for (int id = 0; id < hub.event_reader().partition_count(); ++id)
    if (std::to_string(id) == name) return id;
  return std::nullopt;
}

amqp::Message status_answer(const amqp::Message& request, int status, std::string description) {
  amqp::Message answer;
  answer.correlation_id = request.message_id;
  amqp::add_string(answer.application_properties, "status-code", std::int32_t{status});
  amqp::add_string(answer.application_properties, "status-description", std::move(description));
  answer.value = amqp::Value();
  return answer;
}

amqp::Message answer_management(hub::Hub& hub, const amqp::Message& request) {
  const amqp::Map& asked = request.application_properties;
  const std::string type = amqp::text_at(asked, "type");
  const std::string name = amqp::text_at(asked, "name");
  if (amqp::text_at(asked, "operation") != "READ")
    return status_answer(request, 400, "The operation '" + amqp::text_at(asked, "operation") + "' is not supported");
  if (!text::equals_ignoring_case(name, hub.short_name()))
    return status_answer(request, 404, "The messaging entity '" + name + "' could not be found");
  amqp::Message answer = status_answer(request, 200, "OK");
  if (type == "com.microsoft:eventhub") {
    answer.value = event_hub_properties(hub);
    return answer;
  }
  if (type != "com.microsoft:partition")
    return status_answer(request, 400, "The entity type '" + type + "' is not supported");
  const std::optional<int> partition = partition_number(hub, amqp::text_at(asked, "partition"));
  if (!partition)
    return status_answer(request, 404, "The partition '" + amqp::text_at(asked, "partition") + "' could not be found");
  answer.value = partition_properties(hub, *partition);
  return answer;
}

}  // namespace iothub::heads::amqp_head
