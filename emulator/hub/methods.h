#pragma once
/// Direct methods: a service call that waits for one device's or module's answer (documentation: Understand and invoke
/// direct methods; rest.md 6.5). The only hub call that does not answer at once.
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "emulator/hub/clock.h"
#include "emulator/hub/errors.h"
#include "emulator/hub/identity_cache.h"
#include "emulator/hub/json.h"
#include "emulator/hub/links.h"

namespace iothub::hub {

class Observers;

struct MethodCall {
  std::string name;
  std::string payload = "null";               ///< JSON text, forwarded as it is
  std::chrono::seconds response_timeout{30};  ///< 5-300
  std::chrono::seconds connect_timeout{0};    ///< 0-300: how long to wait for the device to come online

  /// Reads the body of POST .../methods. 400004, 413001.
  static Result<MethodCall> from_json(const Json& body);
};

struct MethodAnswer {
  int status = 0;
  Json payload;  ///< null when the device sent nothing
};

class Methods {
 public:
  using Done = std::function<void(Result<MethodAnswer>)>;

  Methods(IdentityCache& identities, Links& links, Scheduler& scheduler, Observers& observers);
  Methods(const Methods&) = delete;
  Methods& operator=(const Methods&) = delete;
  ~Methods();

  /// Calls `done` exactly once, maybe before this returns: 404001, 404010, 404103 (not online or not subscribed),
  /// 504101 (no answer in time), 404104 (the device left), 403800 (too many wait). The returned id is for cancel(); 0:
  /// already done.
  std::uint64_t invoke(const Identity& identity, MethodCall call, Done done);
  /// The caller hung up: `done` will not be called.
  void cancel(std::uint64_t id);

  /// A link's answer. False: nobody waits for this request (any more).
  bool answer(const Identity& identity, std::string_view request_id, int status, std::string_view payload);

  /// A link came up or subscribed to methods: calls that wait for it go out.
  void link_ready(const Identity& identity);
  /// A link is gone: calls it has not answered are refused.
  void link_gone(const Identity& identity);

  std::size_t waiting() const { return calls_.size(); }

 private:
  struct Waiting {
    Waiting(Scheduler& scheduler) : timer(scheduler) {}
    Identity identity;
    MethodCall call;
    Done done;
    bool sent = false;
    Timer timer;
  };
  bool send(std::uint64_t id, Waiting& waiting);
  void finish(std::uint64_t id, Result<MethodAnswer> result);

  IdentityCache& identities_;
  Links& links_;
  Scheduler& scheduler_;
  Observers& observers_;
  std::uint64_t last_id_ = 0;
  std::unordered_map<std::uint64_t, std::unique_ptr<Waiting>> calls_;
  std::unordered_multimap<Identity, std::uint64_t, IdentityHash> by_identity_;
};

}  // namespace iothub::hub
