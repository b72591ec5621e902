#pragma once
/// A client that sends and expects bytes: nothing between a case and the wire but TLS.
#include <openssl/ssl.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "tests/wire/support/patience.h"

namespace iothub::test {

enum class Carrier { plain, tls12, tls13 };

class WireClient {
 public:
  /// Connects to 127.0.0.1, and shakes hands as `localhost` against the CA. Throws std::runtime_error.
  WireClient(std::uint16_t port, Carrier carrier, const std::string& ca_file);
  WireClient(const WireClient&) = delete;
  WireClient& operator=(const WireClient&) = delete;
  ~WireClient();

  /// Keeps what arrives meanwhile, so that neither side waits for the other to read. Throws when the link is closed or
  /// does not take the bytes in time.
  void send(std::string_view bytes);

  /// Exactly `count` bytes; fewer when the link closes or the time is up.
  std::string read(std::size_t count);
  /// Up to and with `mark`; what there is when the link closes or the time is up.
  std::string read_until(std::string_view mark);
  /// What is left of the link; throws when it does not close in time.
  std::string read_until_closed();
  /// Whether for so long no byte arrives and the link stays open.
  bool is_silent(std::chrono::milliseconds time = kAbsence);
  /// Reads what is there now, without waiting.
  std::string read_available();

  bool closed() const { return ended_; }
  /// Ends the link without a word, as a lost network does.
  void drop();

 private:
  enum class Wants { nothing, read, write };
  struct Free {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };

  void connect(std::uint16_t port);
  void shake_hands(Carrier carrier, const std::string& ca_file);
  /// Reads into arrived_ whatever the link holds.
  void take_in();
  Wants tls_wants(int result);
  bool wait(bool to_write, const Deadline& deadline);
  std::string take(std::size_t count);

  int socket_ = -1;
  std::unique_ptr<SSL_CTX, Free> context_;
  std::unique_ptr<SSL, Free> ssl_;
  std::string arrived_;
  bool ended_ = false;
};

}  // namespace iothub::test
