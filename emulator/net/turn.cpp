#include "emulator/net/turn.h"

#include <utility>

namespace iothub::net {

Turn::Turn(hub::HubDirectory& hubs, std::function<void()> post_finish)
    : hubs_(hubs), post_finish_(std::move(post_finish)) {}

void Turn::request() {
  if (std::exchange(requested_, true)) return;
  post_finish_();
}

void Turn::add(std::shared_ptr<TurnMember> member) {
  members_.push_back(std::move(member));
  request();
}

void Turn::fail(hub::Hub* hub) {
  for (hub::Hub* each : hubs_.all()) {
    if (hub != nullptr && hub != each) continue;
    each->roll_back();
    fail_members(each);
  }
  request();
}

void Turn::fail_members(const hub::Hub* hub) {
  // By index: a failing session may add members.
  for (std::size_t i = 0; i < members_.size(); ++i) {
    const std::shared_ptr<TurnMember> member = members_[i];
    if (member->hub() == hub) member->turn_failed();
  }
}

void Turn::finish() {
  requested_ = false;
  for (hub::Hub* hub : hubs_.all()) {
    if (hub->has_uncommitted() && !hub->commit()) fail_members(hub);
  }
  const std::vector<std::shared_ptr<TurnMember>> members = std::exchange(members_, {});
  // All are sealed before the first is written: a write that fails ends its session, and what that makes other sessions
  // queue waits for the next commit.
  for (const auto& member : members) member->seal();
  for (const auto& member : members) member->write_sealed();
}

}  // namespace iothub::net
