#pragma once
/// Where what blocks is done: files brought to disk, other servers asked. Passed in, as the hub knows no threads.
#include <exception>
#include <functional>
#include <string>

namespace iothub::hub {

/// What a job threw, which is a std::exception.
std::string text_of(const std::exception_ptr& failure);

class Background {
 public:
  /// Touches nothing of the hub's.
  using Job = std::function<void()>;
  /// On the hub's thread, with what the job threw, or null.
  using Done = std::function<void(std::exception_ptr failure)>;

  virtual ~Background() = default;
  /// One job after the other. When the hub's owner stops, neither may run any more.
  virtual void run(Job job, Done done) = 0;
};

/// At once, on the caller's thread: for tests, and a hub that was given no other.
class Foreground final : public Background {
 public:
  void run(Job job, Done done) override {
    std::exception_ptr failure;
    try {
      job();
    } catch (...) {
      failure = std::current_exception();
    }
    done(failure);
  }
};

}  // namespace iothub::hub
