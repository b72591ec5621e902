#pragma once
/// Who is connected right now.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <unordered_map>
#include <utility>

#include "emulator/hub/clock.h"
#include "emulator/hub/device_link.h"
#include "emulator/hub/ids.h"

namespace iothub::hub {

class IdentityCache;

/// What twins and identities show of a connection.
struct LinkState {
  bool connected = false;
  Timestamp connection_state_updated;
  Timestamp last_activity;
};

class Links {
 public:
  /// Detaches its link when it dies. Movable, so that a session holds it by value.
  class Attachment {
   public:
    Attachment() = default;
    Attachment(Attachment&& other) noexcept;
    Attachment& operator=(Attachment&& other) noexcept;
    ~Attachment() { detach(); }
    void detach();
    explicit operator bool() const { return links_ != nullptr; }

   private:
    friend class Links;
    Attachment(Links& links, Identity identity, DeviceLink& link)
        : links_(&links), identity_(std::move(identity)), link_(&link) {}
    Links* links_ = nullptr;
    Identity identity_;
    DeviceLink* link_ = nullptr;
  };

  Links(IdentityCache& identities, const Clock& clock) : identities_(identities), clock_(clock) {}

  /// An older link of the same identity is closed at once with LinkEnd::taken_over.
  [[nodiscard]] Attachment attach(const Identity& identity, DeviceLink& link);

  /// Called whenever an identity has lost its link (also to a newer one), after the fact.
  void on_gone(std::function<void(const Identity&)> gone) { gone_ = std::move(gone); }

  /// Called when an identity that had no link has one.
  void on_connected(std::function<void(const Identity&)> connected) { connected_ = std::move(connected); }

  /// While hidden, find() has no link, and close() and touch() do nothing: for what will be undone.
  void hide(bool hidden) { hidden_ = hidden; }

  DeviceLink* find(const Identity& identity);
  /// Closes the identity's link; for a device with `and_modules` its modules' too.
  void close(const Identity& identity, LinkEnd end, bool and_modules);
  std::size_t connected_count() const { return live_.size(); }
  /// Connected devices without their modules: what service statistics count.
  std::size_t connected_device_count() const { return connected_devices_; }

  /// Telemetry, twin requests and the like move lastActivityTime.
  void touch(const Identity& identity);
  /// The newest known state, live or as stored.
  LinkState state(const Identity& identity, std::int64_t stored_state_updated, std::int64_t stored_last_activity) const;
  void forget(const Identity& identity, bool and_modules);

  /// Writes times that have moved since the last call; the hub calls it every few seconds and before it ends.
  void flush_activity();
  bool has_activity_to_flush() const { return !unflushed_.empty(); }

 private:
  struct Live {
    DeviceLink* link = nullptr;
    Timestamp connected_at;
    Timestamp last_activity;
  };
  void detach(const Identity& identity, const DeviceLink& link);

  IdentityCache& identities_;
  const Clock& clock_;
  std::unordered_map<Identity, Live, IdentityHash> live_;
  std::unordered_map<Identity, LinkState, IdentityHash> unflushed_;
  std::size_t connected_devices_ = 0;
  bool hidden_ = false;
  std::function<void(const Identity&)> gone_;
  std::function<void(const Identity&)> connected_;
};

}  // namespace iothub::hub
