#include "emulator/net/worker.h"

#include <pthread.h>
#include <signal.h>

#include <utility>

namespace iothub::net {

Worker::Worker(EventLoop& loop) : loop_(loop) {
  // Signals are the loop's: the thread inherits this mask.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { work(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Worker::~Worker() {
  stop();
}

void Worker::post(Job job, Done done) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    tasks_.push_back({std::move(job), std::move(done)});
  }
  changed_.notify_one();
}

void Worker::stop() {
  stop_.request_stop();
  std::deque<Task> dropped;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    dropped.swap(tasks_);
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Worker::work() {
  for (;;) {
    Task task;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || !tasks_.empty(); });
      if (stopping_) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    std::exception_ptr failure;
    try {
      task.job();
    } catch (...) {
      failure = std::current_exception();
    }
    task.job = nullptr;  // what it captured ends here, not on the loop
    // Moved: the last who holds it ends it, and that is the loop.
    loop_.post([done = std::move(task.done), failure = std::move(failure)] { done(failure); });
  }
}

}  // namespace iothub::net
