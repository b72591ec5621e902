#include "emulator/heads/amqp/twin_message.h"

#include <array>
#include <utility>

#include "protocol/text/ascii.h"

namespace iothub::heads::amqp_head {
namespace {

struct Row {
  std::string_view operation;
  std::string_view resource;
  TwinOperation means;
};
constexpr std::string_view kNotifications = "/notifications/twin/properties/desired";
constexpr std::array kOperations{
    Row{"GET", {}, TwinOperation::get},
    Row{"PATCH", "/properties/reported", TwinOperation::patch_reported},
    Row{"PUT", kNotifications, TwinOperation::subscribe},
    Row{"DELETE", kNotifications, TwinOperation::unsubscribe},
};

std::string annotation(const amqp::Message& message, std::string_view name) {
  const amqp::Value* value = amqp::find(message.annotations, name);
  return value == nullptr ? std::string{} : amqp::text_of(*value).value_or("");
}

}  // namespace

std::optional<TwinOperation> twin_operation(const amqp::Message& request) {
  const std::string operation = annotation(request, "operation");
  const std::string resource = annotation(request, "resource");
  for (const Row& row : kOperations) {
    if (text::equals_ignoring_case(row.operation, operation) && text::equals_ignoring_case(row.resource, resource))
      return row.means;
  }
  return std::nullopt;
}

std::string encode_twin_answer(const amqp::Message& request, int status, std::optional<std::int64_t> version,
                               std::string body) {
  amqp::Message answer;
  answer.correlation_id = request.correlation_id;
  amqp::add_symbol(answer.annotations, "status", std::int32_t{status});
  if (version) amqp::add_symbol(answer.annotations, "version", *version);
  answer.data.push_back(std::move(body));
  return amqp::encode(answer);
}

std::string encode_desired_change(const hub::DesiredChange& change) {
  amqp::Message message;
  amqp::add_symbol(message.annotations, "resource", std::string("/properties/desired"));
  amqp::add_symbol(message.annotations, "version", change.version);
  message.data.push_back(change.payload);
  return amqp::encode(message);
}

}  // namespace iothub::heads::amqp_head
