// Feedback for the service side over HTTP (rest.md 3, rows 39-41; corrections.md 6: its headers are a guess).
#include "emulator/hub/feedback.h"

#include "emulator/heads/rest/call.h"
#include "emulator/heads/rest/operations.h"
#include "protocol/text/timestamp.h"

namespace iothub::heads::rest {

void receive_feedback(Call& call) {
  std::optional<hub::FeedbackBatch> batch = call.hub().feedback().receive();
  if (!batch) return call.answer_no_content();
  call.answer_bytes(std::move(batch->body), {{"Content-Type", "application/vnd.microsoft.iothub.feedback.json"},
                                             {"ETag", '"' + batch->lock_token + '"'},
                                             {"iothub-enqueuedtime", text::iso_time(batch->enqueued_time)},
                                             {"iothub-deliverycount", std::to_string(batch->delivery_count)},
                                             {"iothub-userid", call.hub().short_name()}});
}

void complete_feedback(Call& call) {
  call.answer_done(call.hub().feedback().complete(call.id(0)));
}

void abandon_feedback(Call& call) {
  call.answer_done(call.hub().feedback().abandon(call.id(0)));
}

}  // namespace iothub::heads::rest
