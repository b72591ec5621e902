#include "emulator/net/head_sessions.h"

#include <stdexcept>

#include "emulator/heads/amqp/amqp_session.h"
#include "emulator/heads/mqtt/mqtt_session.h"
#include "emulator/heads/rest/rest_session.h"

namespace iothub::net {

std::unique_ptr<heads::Session> make_head_session(Protocol protocol, heads::Outbox& outbox, const heads::Peer& peer,
                                                  heads::SessionEnvironment& environment) {
  switch (protocol) {
    case Protocol::mqtt:
      return std::make_unique<heads::mqtt_head::MqttSession>(environment, peer, outbox);
    case Protocol::http:
      return std::make_unique<heads::rest::RestSession>(environment, peer, outbox);
    case Protocol::amqp:
      return std::make_unique<heads::amqp_head::AmqpSession>(environment, peer, outbox);
    case Protocol::tls:
    case Protocol::unknown:
    case Protocol::undecided:
      break;
  }
  throw std::logic_error("no session serves this protocol");
}

}  // namespace iothub::net
