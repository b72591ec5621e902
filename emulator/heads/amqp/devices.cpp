#include "emulator/heads/amqp/devices.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "emulator/heads/amqp/condition.h"
#include "emulator/heads/refusal.h"
#include "emulator/hub/hub.h"

namespace iothub::heads::amqp_head {
namespace {

/// How the client names itself.
std::string client_of(const amqp::Attach& attach) {
  const amqp::Value* client = amqp::find(attach.properties, "com.microsoft:client-version");
  const std::string name = client == nullptr ? std::string{} : amqp::text_of(*client).value_or("");
  return name.empty() ? "unnamed" : shown(name);
}

}  // namespace

Devices::Devices(amqp::Engine& engine, const Claims& claims, const Peer& peer, DeviceLinks::Carrier carrier)
    : engine_(engine), claims_(claims), peer_(peer), carrier_(std::move(carrier)) {}

Devices::~Devices() = default;

hub::Result<hub::DevicePrincipal> Devices::authenticate(hub::Hub& hub, const hub::Identity& identity) const {
  const hub::ClientCertificate* certificate = peer_.certificate ? &*peer_.certificate : nullptr;
  return claims_.authenticate(hub, identity, certificate);
}

std::optional<LinkRefusal> Devices::attach(hub::Hub& hub, const amqp::Attach& attach, const LinkAddress& address) {
  const std::optional<DeviceLinks::Role> role = DeviceLinks::role_of(address, attach.peer_receives);
  if (!role) return LinkRefusal{{"amqp:not-allowed", "The link has the wrong direction"}, "wrong direction"};
  hub::Result<hub::DevicePrincipal> principal = authenticate(hub, address.identity);
  if (!principal) {
    const std::string why = principal.error().reason;
    // Recorded for X.509 (corrections.md 4). Who has shown nothing is not told which devices there are.
    const bool may_know = peer_.certificate || claims_.covers(address.identity);
    if (may_know && !hub.registry().get(address.identity)) {
      const hub::HubError unknown{hub::ErrorCode::DeviceNotFound, address.identity.name(), {}, {}};
      return LinkRefusal{condition_of(hub, unknown), why};
    }
    return LinkRefusal{condition_of(hub, principal.error()), why};
  }
  forget_ended();
  if (!devices_.contains(address.identity)) {
    if (const auto admitted = hub.throttle().admit(hub::Operation::connection); !admitted) {
      return LinkRefusal{condition_of(hub, admitted.error()), admitted.error().message};
    }
    devices_[address.identity] =
        std::make_unique<DeviceLinks>(hub, std::move(*principal), engine_, peer_.connection_id, carrier_);
    spdlog::info("amqp {}: '{}' connected (client {})", peer_.connection_id, address.identity.name(),
                 client_of(attach));
  }
  const std::unique_ptr<DeviceLinks>& device = devices_[address.identity];
  by_link_[attach.link] = device.get();
  device->attach(attach, *role);
  return std::nullopt;
}

void Devices::forget_ended() {
  std::erase_if(by_link_, [](const auto& entry) { return !entry.second->holds(entry.first); });
  std::erase_if(devices_, [](const auto& entry) { return entry.second->ended(); });
}

DeviceLinks* Devices::find(amqp::LinkId link) const {
  const auto found = by_link_.find(link);
  return found == by_link_.end() || !found->second->holds(link) ? nullptr : found->second;
}

DeviceLinks* Devices::find(const hub::Identity& identity) const {
  const auto found = devices_.find(identity);
  return found == devices_.end() || found->second->ended() ? nullptr : found->second.get();
}

std::optional<amqp::Condition> Devices::message(DeviceLinks& device, amqp::LinkId link, std::string_view bytes) {
  std::optional<amqp::Condition> refusal = device.message(link, bytes);
  if (device.has_answers()) answering_.push_back(link);
  return refusal;
}

bool Devices::refuse_twin_request(DeviceLinks& device, amqp::LinkId link, std::string_view bytes,
                                  const hub::HubError& error) {
  if (!device.refuse_twin_request(link, bytes, error)) return false;
  answering_.push_back(link);
  return true;
}

void Devices::send_answers() {
  for (const amqp::LinkId link : std::exchange(answering_, {})) {
    if (DeviceLinks* device = find(link)) device->send_answers();
  }
}

void Devices::end_expired(hub::Hub& hub) {
  for (const auto& [identity, device] : devices_) {
    if (device->ended() || device->without_token() || claims_.covers(identity)) continue;
    device->end(condition_of(hub, hub::unauthorized("the SAS token has expired")), "the SAS token has expired");
  }
}

void Devices::clear(std::string_view reason) {
  for (const auto& [identity, device] : devices_) {
    if (!device->ended())
      spdlog::info("amqp {}: '{}' disconnected: {}", peer_.connection_id, identity.name(), shown(reason));
  }
  by_link_.clear();
  answering_.clear();
  devices_.clear();
}

}  // namespace iothub::heads::amqp_head
