#pragma once
/// The heads' sessions by protocol.
#include <memory>

#include "emulator/heads/session.h"
#include "emulator/net/first_bytes.h"

namespace iothub::net {

/// For Protocol::mqtt, http and amqp; any other is a bug and throws std::logic_error.
std::unique_ptr<heads::Session> make_head_session(Protocol protocol, heads::Outbox& outbox, const heads::Peer& peer,
                                                  heads::SessionEnvironment& environment);

}  // namespace iothub::net
