#pragma once
/// Reads the events of a running hub over its Event-Hubs-compatible endpoint, as any client of it would. Blocks.
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/app/connection_string.h"

namespace iothub::amqp {
struct Message;
}

namespace iothub::app {

/// The end of a read: the hub is not there, refuses, or has ended. One line.
class EventClientError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class EventClient {
 public:
  /// Connects and shows a token. `ca_files`: the first that is there vouches for a hub with TLS.
  EventClient(EventHubString hub, const std::vector<std::filesystem::path>& ca_files);
  ~EventClient();

  /// Opens every partition for the group; returns when all are being read. `selector`: Event Hubs' filter.
  void open(const std::string& consumer_group, const std::string& selector);

  /// Gives each event to `take` until `is_enough` says so; throws EventClientError when the connection ends before.
  void read(const std::function<void(int partition, const amqp::Message& event)>& take,
            const std::function<bool()>& is_enough);

 private:
  class Connection;
  EventHubString hub_;
  std::unique_ptr<Connection> connection_;
};

/// The selector of `beginning`, `now` or an ISO 8601 time; nothing for anything else.
std::optional<std::string> event_selector(std::string_view from);

}  // namespace iothub::app
