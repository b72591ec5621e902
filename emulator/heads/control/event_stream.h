#pragma once
/// `GET events`: all that happens in a hub.
#include <optional>
#include <set>

#include "emulator/heads/control/server_sent_stream.h"
#include "emulator/hub/observer.h"

namespace iothub::heads::control {

/// What happened, as one JSON object: `{"id","time","event","device","module","detail"}`.
std::string happened_text(std::uint64_t id, const hub::Happened& happened);

class EventStream final : public ServerSentStream {
 public:
  struct Filter {
    std::optional<hub::Identity> identity;  ///< a device's with its modules', unless it names a module
    std::set<hub::Happening> what{};        ///< empty: everything
  };
  EventStream(const Request& request, Filter filter) : ServerSentStream(request), filter_(std::move(filter)) {}

 private:
  void listen() override;
  void stop_listening() override { listener_.stop(); }
  bool wants(const hub::Happened& happened) const;
  void take(const hub::Happened& happened);

  Filter filter_;
  hub::Observers::Listener listener_;
};

}  // namespace iothub::heads::control
