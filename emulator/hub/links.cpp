#include "emulator/hub/links.h"

#include <vector>

#include "emulator/hub/identity_cache.h"

namespace iothub::hub {

Links::Attachment::Attachment(Attachment&& other) noexcept
    : links_(std::exchange(other.links_, nullptr)), identity_(std::move(other.identity_)), link_(other.link_) {}

Links::Attachment& Links::Attachment::operator=(Attachment&& other) noexcept {
  if (this != &other) {
    detach();
    links_ = std::exchange(other.links_, nullptr);
    identity_ = std::move(other.identity_);
    link_ = other.link_;
  }
  return *this;
}

void Links::Attachment::detach() {
  if (Links* links = std::exchange(links_, nullptr)) links->detach(identity_, *link_);
}

Links::Attachment Links::attach(const Identity& identity, DeviceLink& link) {
  const Timestamp now = clock_.now();
  const auto [entry, is_new] = live_.try_emplace(identity);
  DeviceLink* older = entry->second.link;
  entry->second = {&link, now, now};
  if (is_new && !identity.is_module()) ++connected_devices_;
  unflushed_[identity] = {true, now, now};
  if (older != nullptr) {
    older->close(LinkEnd::taken_over);
    if (gone_) gone_(identity);
  }
  if (is_new && connected_) connected_(identity);
  return Attachment(*this, identity, link);
}

DeviceLink* Links::find(const Identity& identity) {
  const auto found = live_.find(identity);
  return hidden_ || found == live_.end() ? nullptr : found->second.link;
}

void Links::close(const Identity& identity, LinkEnd end, bool and_modules) {
  if (hidden_) return;
  std::vector<Identity> ends;
  if (live_.contains(identity)) ends.push_back(identity);
  if (and_modules) {
    for (const auto& [other, live] : live_) {
      if (other.is_module() && other.device == identity.device) ends.push_back(other);
    }
  }
  for (const Identity& ending : ends) {
    DeviceLink* link = live_.at(ending).link;
    detach(ending, *link);
    link->close(end);
  }
}

void Links::detach(const Identity& identity, const DeviceLink& link) {
  const auto found = live_.find(identity);
  if (found == live_.end() || found->second.link != &link) return;  // taken over, or closed by the hub
  unflushed_[identity] = {false, clock_.now(), found->second.last_activity};
  live_.erase(found);
  if (!identity.is_module()) --connected_devices_;
  if (gone_) gone_(identity);
}

void Links::touch(const Identity& identity) {
  const auto found = live_.find(identity);
  if (hidden_ || found == live_.end()) return;
  found->second.last_activity = clock_.now();
  unflushed_[identity] = {true, found->second.connected_at, found->second.last_activity};
}

LinkState Links::state(const Identity& identity, std::int64_t stored_state_updated,
                       std::int64_t stored_last_activity) const {
  if (const auto live = live_.find(identity); live != live_.end()) {
    return {true, live->second.connected_at, live->second.last_activity};
  }
  if (const auto moved = unflushed_.find(identity); moved != unflushed_.end()) return moved->second;
  return {false, {stored_state_updated}, {stored_last_activity}};
}

void Links::forget(const Identity& identity, bool and_modules) {
  std::erase_if(unflushed_, [&](const auto& entry) {
    return and_modules ? entry.first.device == identity.device : entry.first == identity;
  });
}

void Links::flush_activity() {
  for (const auto& [identity, state] : unflushed_) {
    identities_.update_activity(identity, state.connection_state_updated.ticks, state.last_activity.ticks);
  }
  unflushed_.clear();
}

}  // namespace iothub::hub
