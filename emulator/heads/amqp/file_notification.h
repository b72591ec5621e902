#pragma once
/// Notifications of uploaded files, for receivers of `/messages/serviceBound/filenotifications` (amqp.md 2.5).
#include <string>
#include <string_view>

#include "emulator/hub/errors.h"
#include "emulator/hub/file_notifications.h"
#include "emulator/hub/hub.h"
#include "protocol/amqp/engine.h"

namespace iothub::heads::amqp_head {

/// One JSON object in a Data section; .NET wants its user id and enqueued time.
std::string encode_file_notification(const hub::FileNotification& notification, std::string_view hub_name);

/// As many as the peer's credit takes; each locked by its 16-byte tag.
void send_file_notifications(hub::Hub& hub, amqp::Engine& engine, amqp::LinkId link);

/// Accepted and rejected ones are gone, a released one is available again; without an outcome its lock runs on.
hub::Result<void> settle_file_notification(hub::Hub& hub, std::string_view lock_token, amqp::Outcome outcome);

}  // namespace iothub::heads::amqp_head
