// Values and messages: what is read and written again reads the same, and every reading of a message ends well.
#include "protocol/amqp/message.h"

#include "emulator/heads/amqp/c2d_message.h"
#include "emulator/heads/amqp/event_filter.h"
#include "emulator/heads/amqp/method_message.h"
#include "emulator/heads/amqp/telemetry_message.h"
#include "emulator/heads/amqp/twin_message.h"
#include "tests/fuzz/support/input.h"
#include "tests/fuzz/support/require.h"
#include "tests/fuzz/targets.h"

namespace iothub::fuzz {
namespace {

void require_same_value(std::string_view input) {
  const std::optional<amqp::Value> value = amqp::decode(input);
  if (!value) return;
  std::string written;
  amqp::encode(*value, written);
  std::string_view rest = written;
  const std::optional<amqp::Value> again = amqp::decode(rest);
  require(again && rest.empty(), "a written value can be read");
  std::string rewritten;
  amqp::encode(*again, rewritten);
  require(rewritten == written, "a value says the same");
  (void)amqp::text_of(*value);
  (void)amqp::integer_of(*value);
}

void require_same_message(const amqp::Message& message) {
  const std::string written = amqp::encode(message);
  const std::optional<amqp::Message> again = amqp::parse_message(written);
  require(again.has_value(), "a written message can be read");
  require(amqp::encode(*again) == written, "a message says the same");
  require(again->data == message.data && again->to == message.to, "a message keeps its parts");
}

/// All that the heads make of a message.
void read_as_all(const amqp::Message& message) {
  std::string body;
  (void)heads::amqp_head::telemetry_of(message, body);
  (void)heads::amqp_head::twin_operation(message);
  (void)heads::amqp_head::method_status(message);
  (void)heads::amqp_head::event_position(message.application_properties);
  heads::amqp_head::MethodCorrelation correlation("0123456789abcdef0123456789abcdef");
  (void)correlation.request_id_of(message.correlation_id);
  const std::string answer = heads::amqp_head::encode_twin_answer(message, 200, 1, "{}");
  require(amqp::parse_message(answer).has_value(), "an answer with the request's id can be read");
  if (const auto c2d = heads::amqp_head::addressed_c2d(message)) {
    require(amqp::parse_message(heads::amqp_head::encode_c2d(c2d->message)).has_value(), "a C2D message can be read");
  }
}

}  // namespace

void amqp_message(std::string_view input) {
  require_same_value(input);
  if (const std::optional<amqp::Message> message = amqp::parse_message(input)) {
    require_same_message(*message);
    read_as_all(*message);
    if (const auto batch = amqp::parse_batch(*message)) {
      require(!batch->empty(), "a batch has messages");
      for (const amqp::Message& part : *batch) require_same_message(part);
    }
  }
}

}  // namespace iothub::fuzz
