#pragma once
/// An AMQP 1.0 message as its sections (AMQP 1.0, part 3.2). Proton's own decoder keeps only the last Data section and
/// gives the types of ids away, so the sections are read here.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/amqp/value.h"

namespace iothub::amqp {

struct Message {
  Map delivery_annotations;
  Map annotations;

  Value message_id;  ///< with its type: an answer has to echo it
  std::optional<std::string> user_id;
  std::optional<std::string> to;
  std::optional<std::string> subject;
  std::optional<std::string> reply_to;
  Value correlation_id;
  std::optional<std::string> content_type;
  std::optional<std::string> content_encoding;
  std::optional<Time> absolute_expiry_time;
  std::optional<Time> creation_time;

  Map application_properties;
  std::vector<std::string> data;  ///< Data sections
  std::optional<Value> value;     ///< amqp-value; a message has this or Data

  /// The bytes of all Data sections, or of a value that is text.
  std::string body() const;
};

/// Nothing for what is malformed.
std::optional<Message> parse_message(std::string_view bytes);
std::string encode(const Message& message);

/// The messages of a batch (message format 0x80013700): its Data sections are encoded messages. The engine does not
/// tell the format, so it is recognised by them: several Data sections, or one that begins as a message does. Nothing
/// when it is no batch.
std::optional<std::vector<Message>> parse_batch(const Message& message);

}  // namespace iothub::amqp
