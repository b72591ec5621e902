#include "emulator/net/worker.h"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>
#include <thread>

using namespace iothub;

TEST_CASE("a job runs on the worker's thread and its end on the loop's") {
  hub::HubDirectory hubs;
  net::EventLoop loop(hubs);
  net::Worker worker(loop);
  std::thread::id job_thread;
  std::thread::id done_thread;
  worker.post([&] { job_thread = std::this_thread::get_id(); },
              [&](const std::exception_ptr& failure) {
                CHECK(failure == nullptr);
                done_thread = std::this_thread::get_id();
                loop.stop();
              });
  loop.run();
  CHECK(job_thread != std::this_thread::get_id());
  CHECK(job_thread != std::thread::id{});
  CHECK(done_thread == std::this_thread::get_id());
}

TEST_CASE("jobs run in the order they were posted, and one that throws hands its exception over") {
  hub::HubDirectory hubs;
  net::EventLoop loop(hubs);
  net::Worker worker(loop);
  std::string order;
  std::string thrown;
  worker.post([&] { order += 'a'; }, [](const std::exception_ptr&) {});
  worker.post([] { throw std::runtime_error("no such host"); },
              [&](const std::exception_ptr& failure) {
                try {
                  if (failure != nullptr) std::rethrow_exception(failure);
                } catch (const std::runtime_error& error) {
                  thrown = error.what();
                }
              });
  worker.post([&] { order += 'b'; }, [&](const std::exception_ptr&) { loop.stop(); });
  loop.run();
  CHECK(order == "ab");
  CHECK(thrown == "no such host");
}

TEST_CASE("a stopped worker takes no more jobs") {
  hub::HubDirectory hubs;
  net::EventLoop loop(hubs);
  net::Worker worker(loop);
  worker.stop();
  bool ran = false;
  worker.post([&] { ran = true; }, [](const std::exception_ptr&) {});
  worker.stop();
  CHECK_FALSE(ran);
}
