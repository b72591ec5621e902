// A client that keeps to AMQP (Qpid Proton's engine) and says anything by it: tokens, links of any address, messages of
// any bytes, outcomes. The engine of the client judges what the hub writes.
#include "emulator/heads/amqp/amqp_session.h"
#include "tests/fuzz/support/fuzz_world.h"
#include "tests/fuzz/support/input.h"
#include "tests/fuzz/support/require.h"
#include "tests/fuzz/targets.h"
#include "tests/unit/support/amqp_peer.h"
#include "tests/unit/support/fake_outbox.h"

namespace iothub::fuzz {
namespace {

constexpr std::string_view kAddresses[] = {
    "/devices/d1/messages/events",
    "/devices/d1/messages/devicebound",
    "/devices/d1/methods/devicebound",
    "/devices/d1/twin",
    "/devices/d1/modules/m1/messages/events",
    "/devices/d1/modules/m1/twin",
    "/messages/devicebound",
    "/messages/serviceBound/feedback",
    "/messages/serviceBound/filenotifications",
    "localhost/ConsumerGroups/$Default/Partitions/0",
    "$cbs",
    "$management",
    "/messages/events",
};

enum class Act : std::uint8_t {
  token,
  sender,
  receiver,
  sender_of,
  receiver_of,
  send,
  send_message,
  settle,
  patch_desired,
  send_c2d,
  invoke_method,
  pass_time,
  detach,
  kCount
};

class Client {
 public:
  explicit Client(FuzzWorld& fuzz_world) : world_(fuzz_world) {}
  ~Client() { session_.closed("the input ends"); }

  void act(Input& input);
  void exchange() {
    for (int rounds = 0; rounds < 100; ++rounds) {
      const std::string from_hub = outbox_.take();
      peer_.in(from_hub);
      const std::string to_hub = peer_.out();
      require(!peer_.closed().starts_with("amqp:framing") && !peer_.closed().starts_with("amqp:decode"),
              "the hub's frames can be read: " + peer_.closed());
      if (from_hub.empty() && to_hub.empty()) return;
      if (!outbox_.closed) session_.receive(bytes_of(to_hub));
    }
    require(false, "both sides fall silent");
  }

 private:
  test::AmqpPeer::Link* link(std::size_t which, bool sender) {
    std::vector<test::AmqpPeer::Link*>& links = sender ? senders_ : receivers_;
    return links.empty() ? nullptr : links[which % links.size()];
  }
  void attach(std::string address, bool sender) {
    std::erase(address, '\0');
    if (senders_.size() + receivers_.size() >= 12) return;
    if (sender) {
      senders_.push_back(&peer_.sender(address));
    } else {
      receivers_.push_back(&peer_.receiver(address, 10));
    }
  }
  void put_token(std::size_t which) {
    if (cbs_ == nullptr) {
      cbs_ = &peer_.sender("$cbs");
      peer_.receiver("$cbs", 100);
      exchange();
    }
    if (!cbs_->refused.empty()) return;
    amqp::Message request;
    request.message_id = std::string("1");
    amqp::add_string(request.application_properties, "operation", std::string("put-token"));
    amqp::add_string(request.application_properties, "type", std::string("servicebus.windows.net:sastoken"));
    amqp::add_string(request.application_properties, "name", std::string("localhost"));
    request.value = which % 3 == 0   ? world_.policy_token()
                    : which % 3 == 1 ? world_.device_token(kD1)
                                     : world_.device_token(kM1);
    peer_.send(*cbs_, request);
  }

  FuzzWorld& world_;
  const heads::Peer peer_of_hub_{.connection_id = "c1", .remote_address = "127.0.0.1:50000", .certificate = {}};
  test::FakeOutbox outbox_;
  test::AmqpPeer peer_;
  test::AmqpPeer::Link* cbs_ = nullptr;
  std::vector<test::AmqpPeer::Link*> senders_, receivers_;
  heads::amqp_head::AmqpSession session_{world_.environment, peer_of_hub_, outbox_};
};

void Client::act(Input& input) {
  switch (static_cast<Act>(input.number(1) % static_cast<std::size_t>(Act::kCount))) {
    case Act::token:
      put_token(input.number(1));
      break;
    case Act::sender:
      attach(std::string(kAddresses[input.number(1) % std::size(kAddresses)]), true);
      break;
    case Act::receiver:
      attach(std::string(kAddresses[input.number(1) % std::size(kAddresses)]), false);
      break;
    case Act::sender_of:
      attach(std::string(input.sized()), true);
      break;
    case Act::receiver_of:
      attach(std::string(input.sized()), false);
      break;
    case Act::send: {
      test::AmqpPeer::Link* to = link(input.number(1), true);
      const std::string_view bytes = input.sized();
      if (to != nullptr && to->refused.empty()) peer_.send(*to, std::string(bytes));
      break;
    }
    case Act::send_message: {
      test::AmqpPeer::Link* to = link(input.number(1), true);
      amqp::Message message;
      message.correlation_id = std::string(input.line());
      message.to = std::string(input.line());
      amqp::add_symbol(message.annotations, "operation", std::string(input.line()));
      amqp::add_symbol(message.annotations, "resource", std::string(input.line()));
      amqp::add_string(message.application_properties, "operation", std::string(input.line()));
      amqp::add_string(message.application_properties, "status", static_cast<std::int32_t>(input.number(2)));
      message.data = {std::string(input.sized())};
      if (to != nullptr && to->refused.empty()) peer_.send(*to, message);
      break;
    }
    case Act::settle: {
      test::AmqpPeer::Link* of = link(input.number(1), false);
      const std::size_t outcome = input.number(1);
      if (of == nullptr || of->received.empty() || !of->refused.empty()) break;
      constexpr std::uint64_t kOutcomes[] = {PN_ACCEPTED, PN_REJECTED, PN_RELEASED, PN_MODIFIED};
      test::AmqpPeer::settle(of->received.back(), kOutcomes[outcome % std::size(kOutcomes)]);
      if (outcome >= 128) pn_delivery_settle(of->received.back().handle);
      if (outcome >= 128) of->received.pop_back();
      break;
    }
    case Act::patch_desired:
      if (const auto patch = hub::parse_json(input.sized())) world_.patch_desired(*patch);
      break;
    case Act::send_c2d:
      world_.send_c2d(input.sized());
      break;
    case Act::invoke_method: {
      const std::string_view name = input.sized();
      world_.invoke_method(std::string(name), "");
      break;
    }
    case Act::pass_time:
      world_.advance(std::chrono::seconds(input.number(2) % 4096));
      break;
    case Act::detach:
      if (test::AmqpPeer::Link* of = link(input.number(1), input.number(1) % 2 == 0)) {
        if (of->refused.empty()) peer_.detach(*of);
        of->refused = "detached";
      }
      break;
    case Act::kCount:
      break;
  }
}

}  // namespace

void amqp_links(std::string_view bytes) {
  Input input(bytes);
  FuzzWorld world;
  Client client(world);
  for (int acts = 0; acts < 48 && !input.empty(); ++acts) {
    client.act(input);
    client.exchange();
  }
}

}  // namespace iothub::fuzz
