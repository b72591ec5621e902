#pragma once
/// One turn of the loop: sessions queue their output while hub calls run, then each hub commits, and only then is all
/// written.
#include <functional>
#include <memory>
#include <vector>

#include "emulator/hub/directory.h"

namespace iothub::net {

/// A connection with output of this turn.
class TurnMember {
 public:
  virtual ~TurnMember() = default;
  /// The hub whose commit decides; null when the output depends on none.
  virtual hub::Hub* hub() const = 0;
  /// The hub's writes of this turn are lost: drops the output that stood for them and lets the session say so. What the
  /// session answers needs no commit.
  virtual void turn_failed() = 0;
  /// Takes what is queued as committed. Calls no session.
  virtual void seal() = 0;
  /// Writes what was sealed. May end the session, whose last hub calls then belong to the next turn.
  virtual void write_sealed() = 0;
};

class Turn {
 public:
  /// `post_finish` makes finish() run after everything that is ready now; called at most once a turn.
  Turn(hub::HubDirectory& hubs, std::function<void()> post_finish);
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  /// The turn will end: hub calls may have written something.
  void request();
  /// The turn will end with this member's output. Once a turn: the member keeps count.
  void add(std::shared_ptr<TurnMember> member);

  /// A storage::Error left a call: the hub's open transaction is gone. Null: it is unknown whose, so every hub's is
  /// dropped. The members of such a hub have failed.
  void fail(hub::Hub* hub);

  /// Commits, then writes.
  void finish();

 private:
  void fail_members(const hub::Hub* hub);

  hub::HubDirectory& hubs_;
  std::function<void()> post_finish_;
  std::vector<std::shared_ptr<TurnMember>> members_;
  bool requested_ = false;
};

}  // namespace iothub::net
