#include "emulator/heads/amqp/file_notification.h"

#include <optional>

#include "emulator/heads/amqp/c2d_message.h"
#include "emulator/hub/uploads.h"
#include "protocol/amqp/message.h"

namespace iothub::heads::amqp_head {

std::string encode_file_notification(const hub::FileNotification& notification, std::string_view hub_name) {
  amqp::Message message;
  message.user_id = std::string(hub_name);
  message.content_type = "application/vnd.microsoft.iothub.filenotification.json";
  amqp::add_symbol(message.annotations, "iothub-enqueuedtime",
                   amqp::Time{notification.enqueued_time.unix_milliseconds()});
  message.data.push_back(notification.body);
  return amqp::encode(message);
}

void send_file_notifications(hub::Hub& hub, amqp::Engine& engine, amqp::LinkId link) {
  while (engine.credit(link) > 0) {
    const std::optional<hub::FileNotification> notification = hub.uploads().notifications().receive();
    if (!notification) return;
    engine.send(link, encode_file_notification(*notification, hub.short_name()),
                delivery_tag(notification->lock_token));
  }
}

hub::Result<void> settle_file_notification(hub::Hub& hub, std::string_view lock_token, amqp::Outcome outcome) {
  switch (outcome) {
    case amqp::Outcome::accepted:
    case amqp::Outcome::rejected:
      return hub.uploads().notifications().complete(lock_token);
    case amqp::Outcome::released:
      return hub.uploads().notifications().abandon(lock_token);
    case amqp::Outcome::none:
      break;
  }
  return {};
}

}  // namespace iothub::heads::amqp_head
