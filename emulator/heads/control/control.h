#pragma once
/// The control API under `/_emulator/`: the hub as a test instrument (docs/control.md, docs/control-openapi.yaml).
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "emulator/heads/control/actions.h"
#include "emulator/heads/control/scenario_runs.h"
#include "emulator/heads/http_service.h"
#include "emulator/hub/clock.h"
#include "emulator/hub/directory.h"

namespace iothub::heads::control {

struct Request;

/// A request that is answered later: a long poll, a stream. Ended when its hub goes.
class Waiter {
 public:
  virtual ~Waiter() = default;
  virtual const hub::Hub& hub() const = 0;
  virtual void end(std::string_view reason) = 0;
};

class Control final : public HttpService {
 public:
  struct Options {
    std::string token{};  ///< empty: loopback only, without a token
  };

  /// All outlive it; `scheduler` and `wall_clock` are of real time.
  Control(hub::HubDirectory& hubs, hub::Scheduler& scheduler, const hub::Clock& wall_clock, Actions& actions,
          Options options);
  Control(const Control&) = delete;
  Control& operator=(const Control&) = delete;
  ~Control() override;

  hub::Result<void> admit(const HttpExchange& exchange) override;
  void serve(std::shared_ptr<HttpExchange> exchange) override;

  hub::HubDirectory& hubs() { return hubs_; }
  hub::Scheduler& scheduler() { return scheduler_; }
  const hub::Clock& wall_clock() const { return wall_clock_; }
  Actions& actions() { return actions_; }
  ScenarioRuns& scenario_runs() { return scenario_runs_; }

  void add(std::shared_ptr<Waiter> waiter) { waiters_.insert(std::move(waiter)); }
  void remove(const std::shared_ptr<Waiter>& waiter) { waiters_.erase(waiter); }
  /// Before a hub goes: what waits for it is answered.
  void end_waiters(const hub::Hub& hub, std::string_view reason);

 private:
  hub::HubDirectory& hubs_;
  hub::Scheduler& scheduler_;
  const hub::Clock& wall_clock_;
  Actions& actions_;
  const Options options_;
  std::set<std::shared_ptr<Waiter>> waiters_;
  ScenarioRuns scenario_runs_;
};

/// One operation of the API.
struct Operation {
  std::string_view method;
  std::string_view pattern;  ///< behind `/_emulator/`; `{...}` takes one segment
  void (*run)(const Request&);
  bool open = false;  ///< needs no token and may come from anywhere
};
std::span<const Operation> operations();

/// A request of the portal's page: of every path that is not under `/_emulator/`.
void serve_portal(HttpExchange& exchange, const Actions& actions);

}  // namespace iothub::heads::control
