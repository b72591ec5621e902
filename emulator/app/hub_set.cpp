#include "emulator/app/hub_set.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/ip/address_v4.hpp>
#include <chrono>
#include <stdexcept>
#include <utility>

#include "emulator/hub/host_name.h"
#include "protocol/text/ascii.h"

namespace iothub::app {
namespace {

constexpr std::chrono::milliseconds kSweepInterval{20};
constexpr int kFirstAddress = 2;  // 127.0.0.2
constexpr int kLastAddress = 254;

bool is_loopback_address(const std::string& name) {
  boost::system::error_code none;
  const auto address = boost::asio::ip::make_address_v4(name, none);
  return !none && address.is_loopback();
}

/// What a certificate takes.
bool is_host_name(const std::string& name) {
  return name.size() <= 253 && std::all_of(name.begin(), name.end(), [](char c) {
           return text::is_alpha(c) || text::is_digit(c) || c == '.' || c == '-' || c == '_';
         });
}

hub::HubError in_use(const std::string& name) {
  return {hub::ErrorCode::DeviceAlreadyExists, "a hub '" + name + "' is there already", {}, {}};
}

}  // namespace

HubSet::HubSet(Around around, HubInstance& first)
    : around_(std::move(around)), first_(first), sweep_(around_.loop.scheduler()) {}

std::vector<HubInstance*> HubSet::all() const {
  std::vector<HubInstance*> all{&first_};
  for (const auto& each : more_) all.push_back(each.get());
  return all;
}

HubInstance& HubSet::of(const hub::Hub& hub) const {
  if (&first_.hub() == &hub) return first_;
  for (const auto* hubs : {&more_, &leaving_}) {
    for (const auto& each : *hubs) {
      if (&each->hub() == &hub) return *each;
    }
  }
  throw std::logic_error("a hub that is not among those of the process");
}

HubInstance* HubSet::find(const std::string& name) const {
  const hub::Hub* hub = around_.directory.named(name);
  return hub == nullptr ? nullptr : &of(*hub);
}

hub::Result<void> HubSet::check_new_name(const std::string& name) const {
  if (!is_host_name(name)) {
    return hub::argument_invalid("'" + name + "' is no host name or address of a hub, without a port");
  }
  if (around_.directory.named(name) != nullptr) return in_use(name);
  return {};
}

std::unique_ptr<HubInstance> HubSet::silent_hub(const std::string& name) const {
  return std::make_unique<HubInstance>(around_.config, std::vector{name}, std::nullopt, around_.loop, around_.random);
}

hub::Result<std::string> HubSet::listen_somewhere() {
  for (int tries = kFirstAddress; tries <= kLastAddress; ++tries) {
    // Not the address that has just become free: clients of the hub that was there may still try to come back to it.
    const std::string address = "127.0.0." + std::to_string(next_address_);
    next_address_ = next_address_ == kLastAddress ? kFirstAddress : next_address_ + 1;
    if (around_.directory.named(address) != nullptr) continue;
    try {
      around_.listen(address);
      return address;
    } catch (const net::BindError& taken) {
      around_.server.stop_listening(address);
      if (taken.kind != net::BindError::Kind::taken) {
        return hub::HubError{hub::ErrorCode::ServerError, taken.what(), {}, {}};
      }
    }
  }
  return hub::HubError{hub::ErrorCode::DeviceAlreadyExists, "every address up to 127.0.0.254 is in use", {}, {}};
}

hub::Result<HubInstance*> HubSet::add(const std::string& name) {
  std::string host = name;
  if (name.empty()) {
    const hub::Result<std::string> address = listen_somewhere();
    if (!address) return address.error();
    host = *address;
  } else {
    if (const auto usable = check_new_name(name); !usable) return usable.error();
    if (is_loopback_address(name)) {
      try {
        around_.listen(name);
      } catch (const net::BindError& failed) {
        around_.server.stop_listening(name);
        return hub::HubError{hub::ErrorCode::DeviceAlreadyExists, failed.what(), {}, {}};
      }
    }
  }
  more_.push_back(silent_hub(host));
  around_.equip(*more_.back());
  around_.directory.add(more_.back()->hub());
  around_.tls.add_name(host, [authority = &around_.authority, host] {
    return authority->mint_leaf(std::vector{host}, net::tls::KeyType::ec_p256);
  });
  spdlog::info("hub {} was made", host);
  return more_.back().get();
}

hub::Result<void> HubSet::remove(const std::string& name) {
  const std::string wanted = hub::bare_host(name);
  const auto is_it = [&wanted](HubInstance& each) { return hub::bare_host(each.hub().host_name()) == wanted; };
  if (is_it(first_)) return hub::argument_invalid("'" + name + "' is the default hub, which stays");
  const auto found = std::find_if(more_.begin(), more_.end(), [&](const auto& each) { return is_it(*each); });
  if (found == more_.end()) {
    return hub::HubError{hub::ErrorCode::GenericNotFound, "there is no hub '" + name + "'", {}, {}};
  }
  hub::Hub& hub = (*found)->hub();
  around_.directory.remove(hub);
  around_.tls.remove_name(hub.host_name());
  around_.server.stop_listening(hub.host_name());
  hub.links().close_all();
  around_.server.drop_connections(hub, "the hub was removed");
  spdlog::info("hub {} was removed", hub.host_name());
  leaving_.push_back(std::move(*found));
  more_.erase(found);
  sweep();
  return {};
}

/// Sessions may still point to a hub that leaves: among them the one that asked for it.
void HubSet::sweep() {
  sweep_.set(kSweepInterval, [this] {
    std::erase_if(leaving_, [this](const auto& each) { return around_.server.let_go(each->hub()); });
    if (!leaving_.empty()) sweep();
  });
}

}  // namespace iothub::app
