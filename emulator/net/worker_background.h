#pragma once
/// A hub's background is the worker.
#include <exception>
#include <memory>
#include <utility>

#include "emulator/hub/background.h"
#include "emulator/net/worker.h"

namespace iothub::net {

/// Belongs to a hub: what is done after its end is told to nobody.
class WorkerBackground final : public hub::Background {
 public:
  /// The worker must outlive the last run().
  explicit WorkerBackground(Worker& worker) : worker_(worker) {}

  void run(Job job, Done done) override {
    worker_.post(std::move(job),
                 [alive = std::weak_ptr<bool>(alive_), done = std::move(done)](const std::exception_ptr& failure) {
                   if (!alive.expired()) done(failure);
                 });
  }

 private:
  Worker& worker_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace iothub::net
