// Cloud-to-device messages: the service's purge (rest.md 3, row 12; 5.8), and a device that pulls (rest.md 4;
// corrections.md 4, 6).
#include "emulator/hub/c2d.h"

#include <algorithm>

#include "emulator/heads/rest/call.h"
#include "emulator/heads/rest/operations.h"
#include "protocol/text/timestamp.h"

namespace iothub::heads::rest {
namespace {

/// A property's value as a header can carry it: no byte of it may end the line.
std::string header_value(std::string value) {
  std::replace_if(
      value.begin(), value.end(), [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }, '?');
  return value;
}

/// RFC 9110, 5.6.2; the documentation allows a message's property names just these characters.
bool is_header_name(std::string_view name) {
  return name.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ!#$%&'*+-.^_`|~") ==
         std::string_view::npos;
}

/// The CLI reads every one of the first ten without asking whether it is there: what is not set is empty.
http::Headers headers_of(const hub::C2dMessage& message) {
  http::Headers headers{
      {"Content-Type", message.content_type.empty() ? "application/octet-stream" : header_value(message.content_type)},
      {"ETag", '"' + message.lock_token + '"'},
      {"iothub-messageid", header_value(message.message_id)},
      {"iothub-sequencenumber", std::to_string(message.sequence_number)},
      {"iothub-enqueuedtime", text::iso_time(message.enqueued_time)},
      {"iothub-deliverycount", std::to_string(message.delivery_count)},
      {"iothub-correlationid", header_value(message.correlation_id)},
      {"iothub-userid", header_value(message.user_id)},
      {"iothub-to", header_value(message.to)},
      {"iothub-expiry", message.expiry ? text::iso_time(*message.expiry) : std::string()},
      {"iothub-ack", std::string(to_string(message.ack))},
  };
  if (!message.content_encoding.empty()) {
    headers.push_back({"Content-Encoding", header_value(message.content_encoding)});
  }
  for (const auto& [name, value] : message.properties) {
    if (is_header_name(name)) headers.push_back({"iothub-app-" + name, header_value(value)});
  }
  return headers;
}

}  // namespace

void purge_c2d(Call& call) {
  const hub::Result<std::int64_t> purged = call.hub().c2d().purge(call.identity());
  if (!purged) return call.refuse(purged.error());
  call.answer({{"deviceId", call.id(0)}, {"totalMessagesPurged", *purged}});
}

void receive_c2d(Call& call) {
  std::optional<hub::C2dMessage> message = call.hub().c2d().receive(call.device().identity);
  if (!message) return call.answer_no_content();
  http::Headers headers = headers_of(*message);
  call.answer_bytes(std::move(message->body), std::move(headers));
}

void complete_or_reject_c2d(Call& call) {
  hub::C2d& c2d = call.hub().c2d();
  const hub::Identity& device = call.device().identity;
  // The path's token decides; If-Match repeats it, where it is sent at all (recorded without). `reject` has any value.
  const bool reject = call.target().parameter("reject") != nullptr;
  call.answer_done(reject ? c2d.reject(device, call.id(1)) : c2d.complete(device, call.id(1)));
}

void abandon_c2d(Call& call) {
  call.answer_done(call.hub().c2d().abandon(call.device().identity, call.id(1)));
}

}  // namespace iothub::heads::rest
