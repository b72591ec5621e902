#pragma once
/// A service client that keeps one HTTPS connection and has one request in flight.
#include <functional>
#include <string>
#include <string_view>

#include "bench/connection.h"

namespace iothub::bench {

class RestClient : public Connection {
 public:
  /// `authorization` goes out with every request, unless it is empty. A lost connection throws std::runtime_error.
  RestClient(EventLoop& loop, Endpoint endpoint, std::string authorization);

  std::function<void()> on_opened;
  /// Of an answer that says success; any other throws std::runtime_error with its body.
  std::function<void()> on_answer;

  void request(std::string_view method, std::string_view target, std::string_view json);

 private:
  void opened() override;
  void received(std::string_view bytes) override;
  void lost(const std::string& reason) override;

  const std::string headers_;
  std::string request_;  ///< scratch
  std::string incoming_;
};

}  // namespace iothub::bench
