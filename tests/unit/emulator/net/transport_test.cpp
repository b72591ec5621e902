#include "emulator/net/transport.h"

#include <doctest/doctest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cerrno>

using iothub::net::handshake_hint;
using iothub::net::IoFailure;

namespace {

unsigned long tls_error(int reason) {
  return ERR_PACK(ERR_LIB_SSL, 0, reason);
}

}  // namespace

TEST_CASE("a client that distrusts the CA gets a hint how to get it") {
  CHECK(handshake_hint(tls_error(SSL_R_TLSV1_ALERT_UNKNOWN_CA)).find("iothub-emulator ca") != std::string_view::npos);
  CHECK(handshake_hint(tls_error(SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN)).find("iothub-emulator ca") !=
        std::string_view::npos);
}

TEST_CASE("a client with an old TLS version is told which ones are served") {
  CHECK(handshake_hint(tls_error(SSL_R_UNSUPPORTED_PROTOCOL)).find("TLS 1.2") != std::string_view::npos);
}

TEST_CASE("other handshake errors get no hint") {
  CHECK(handshake_hint(tls_error(SSL_R_BAD_SIGNATURE)).empty());
  CHECK(handshake_hint(0).empty());
}

TEST_CASE("a peer that is just gone is no failure to complain about") {
  CHECK(IoFailure{}.is_disconnect());
  CHECK(IoFailure{.system = ECONNRESET}.is_disconnect());
  CHECK(IoFailure{.system = EPIPE}.is_disconnect());
  CHECK(IoFailure{.tls = tls_error(SSL_R_UNEXPECTED_EOF_WHILE_READING)}.is_disconnect());
  CHECK_FALSE(IoFailure{.system = EBADF}.is_disconnect());
  CHECK_FALSE(IoFailure{.tls = tls_error(SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC)}.is_disconnect());
}

TEST_CASE("a failure's text is never empty") {
  CHECK(IoFailure{}.text() == "the peer closed the connection");
  CHECK_FALSE(IoFailure{.system = ECONNRESET}.text().empty());
  CHECK_FALSE(IoFailure{.tls = tls_error(SSL_R_TLSV1_ALERT_UNKNOWN_CA)}.text().empty());
  CHECK(IoFailure{.tls = tls_error(4000)}.text() == "TLS error 4000");
}
