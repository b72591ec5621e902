#include "emulator/net/tls/server_context.h"

#include <doctest/doctest.h>

#include <array>
#include <cstring>
#include <vector>

#include "emulator/net/tls/client_certificate.h"
#include "tests/unit/emulator/net/tls/handshake.h"

namespace iothub::net::tls {
namespace {

using test::Handshake;
using test::handshake;
using test::strict_client;

using SessionHandle = std::unique_ptr<SSL_SESSION, FreeBy<SSL_SESSION_free>>;

const std::vector<std::string> kNames = {"localhost", "hub1.localhost", "127.0.0.1"};

struct Server {
  CertificateAuthority authority = CertificateAuthority::create_ephemeral();
  ServerContext context{authority.mint_leaf(kNames, KeyType::ec_p256)};
};

std::string alpn_of(const SSL* session) {
  const unsigned char* name = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(session, &name, &size);
  return std::string(name, name + size);
}

TEST_CASE("a strict client connects by TLS 1.2 and by TLS 1.3, by name and by address") {
  const Server server;
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CAPTURE(version);
    const SslContextHandle client = strict_client(server.authority.certificate(), version);
    SslHandle by_name(SSL_new(client.get()));
    SSL_set1_host(by_name.get(), "hub1.localhost");
    const Handshake named = handshake(server.context, std::move(by_name));
    CHECK_MESSAGE(named.done, named.error);
    CHECK(SSL_version(named.server.get()) == version);
    CHECK(named.send("hello") == "hello");

    SslHandle by_address(SSL_new(client.get()));
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(by_address.get()), "127.0.0.1");
    const Handshake addressed = handshake(server.context, std::move(by_address));
    CHECK_MESSAGE(addressed.done, addressed.error);
  }
}

TEST_CASE("a client that expects another host breaks the handshake off") {
  const Server server;
  const SslContextHandle client = strict_client(server.authority.certificate());
  SslHandle session(SSL_new(client.get()));
  SSL_set1_host(session.get(), "other.example");
  const Handshake result = handshake(server.context, std::move(session));
  CHECK_FALSE(result.done);
  CHECK(result.error.find("certificate verify failed") != std::string::npos);
}

TEST_CASE("TLS 1.1 is refused") {
  const Server server;
  const SslContextHandle client = strict_client(server.authority.certificate(), TLS1_1_VERSION);
  SSL_CTX_set_security_level(client.get(), 0);
  const Handshake result = handshake(server.context, client.get());
  CHECK_FALSE(result.done);
  CHECK(result.error.find("unsupported protocol") != std::string::npos);
}

TEST_CASE("a client certificate is asked for without naming an authority, and none is fine") {
  const Server server;
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CAPTURE(version);
    const SslContextHandle client = strict_client(server.authority.certificate(), version);
    bool asked = false;
    SSL_CTX_set_cert_cb(
        client.get(),
        [](SSL* session, void* seen) {
          *static_cast<bool*>(seen) = true;
          const STACK_OF(X509_NAME)* names = SSL_get0_peer_CA_list(session);
          return names == nullptr || sk_X509_NAME_num(names) == 0 ? 1 : 0;
        },
        &asked);
    const Handshake result = handshake(server.context, client.get());
    CHECK_MESSAGE(result.done, result.error);
    CHECK(asked);
    CHECK_FALSE(client_certificate(result.server.get()).has_value());
  }
}

TEST_CASE("any client certificate is accepted and its facts are kept for the hub") {
  const Server server;
  // Expired, of an unknown authority and made for servers: a client certificate that any verification would refuse.
  const auto foreign = CertificateAuthority::create_ephemeral();
  const std::chrono::sys_days long_ago = std::chrono::year(2020) / 1 / 1;
  const Leaf device = foreign.mint_leaf(std::vector<std::string>{"device-7"}, KeyType::ec_p256, long_ago);
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CAPTURE(version);
    const SslContextHandle client = strict_client(server.authority.certificate(), version);
    const std::unique_ptr<STACK_OF(X509), decltype([](STACK_OF(X509) * stack) { sk_X509_free(stack); })> chain(
        sk_X509_new_null());
    sk_X509_push(chain.get(), foreign.certificate());
    REQUIRE(SSL_CTX_use_cert_and_key(client.get(), device.certificate.get(), device.key.get(), chain.get(), 1) == 1);
    const Handshake result = handshake(server.context, client.get());
    REQUIRE_MESSAGE(result.done, result.error);
    const auto certificate = client_certificate(result.server.get());
    REQUIRE(certificate.has_value());
    CHECK(certificate->common_name == "device-7");
    CHECK(certificate->not_before == long_ago - std::chrono::days(1));
    CHECK(certificate->not_after < long_ago + std::chrono::days(400));
    CHECK(certificate->chain ==
          std::vector{certificate_der(device.certificate.get()), certificate_der(foreign.certificate())});
    CHECK(certificate->sha1_thumbprint.size() == 40);
    CHECK(certificate->sha256_thumbprint.size() == 64);
    CHECK(certificate->sha256_thumbprint.find_first_not_of("0123456789ABCDEF") == std::string::npos);
    CHECK(result.send("hello") == "hello");
  }
}

TEST_CASE("a second handshake with the first one's session is a full one") {
  const Server server;
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CAPTURE(version);
    const SslContextHandle client = strict_client(server.authority.certificate(), version);
    SSL_CTX_set_session_cache_mode(client.get(), SSL_SESS_CACHE_CLIENT);
    const Handshake first = handshake(server.context, client.get());
    REQUIRE(first.done);
    first.read_at_client();
    const SessionHandle saved(SSL_get1_session(first.client.get()));
    REQUIRE(saved);
    CHECK(SSL_SESSION_is_resumable(saved.get()) == 0);

    SslHandle again(SSL_new(client.get()));
    SSL_set_session(again.get(), saved.get());
    const Handshake second = handshake(server.context, std::move(again));
    CHECK_MESSAGE(second.done, second.error);
    CHECK(SSL_session_reused(second.client.get()) == 0);
    CHECK(SSL_session_reused(second.server.get()) == 0);
  }
}

TEST_CASE("a TLS 1.2 client that offers a session id of its own gets a full handshake") {
  // Java offers the last session on a reconnect; a server that asks for client certificates must not fail on that.
  const Server server;
  const SslContextHandle client = strict_client(server.authority.certificate(), TLS1_2_VERSION);
  const Handshake first = handshake(server.context, client.get());
  REQUIRE(first.done);
  const SessionHandle offered(SSL_SESSION_dup(SSL_get0_session(first.client.get())));
  std::array<unsigned char, 32> id{};
  id.fill(0x5A);
  REQUIRE(SSL_SESSION_set1_id(offered.get(), id.data(), id.size()) == 1);
  REQUIRE(SSL_SESSION_is_resumable(offered.get()) == 1);

  SslHandle again(SSL_new(client.get()));
  SSL_set_session(again.get(), offered.get());
  const Handshake second = handshake(server.context, std::move(again));
  CHECK_MESSAGE(second.done, second.error);
  CHECK(SSL_session_reused(second.server.get()) == 0);
  CHECK(second.send("hello") == "hello");
}

TEST_CASE("a client's renegotiation is refused") {
  const Server server;
  const SslContextHandle client = strict_client(server.authority.certificate(), TLS1_2_VERSION);
  const Handshake connection = handshake(server.context, client.get());
  REQUIRE(connection.done);
  REQUIRE(SSL_renegotiate(connection.client.get()) == 1);
  SSL_do_handshake(connection.client.get());
  char byte = 0;
  SSL_read(connection.server.get(), &byte, 1);
  ERR_clear_error();
  SSL_do_handshake(connection.client.get());
  CHECK(ERR_GET_REASON(ERR_peek_error()) == SSL_R_NO_RENEGOTIATION);
  ERR_clear_error();
}

TEST_CASE("a client of both kinds gets the EC certificate, an RSA-only client the RSA one added later") {
  Server server;
  const auto key_of = [](const Handshake& connection) {
    return EVP_PKEY_get_base_id(X509_get0_pubkey(SSL_get0_peer_certificate(connection.client.get())));
  };
  const SslContextHandle rsa_only = strict_client(server.authority.certificate(), TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(rsa_only.get(), "ECDHE-RSA-AES256-GCM-SHA384");
  CHECK_FALSE(handshake(server.context, rsa_only.get()).done);

  server.context.add_leaf(server.authority.mint_leaf(kNames, KeyType::rsa_2048));
  const Handshake rsa = handshake(server.context, rsa_only.get());
  REQUIRE_MESSAGE(rsa.done, rsa.error);
  CHECK(key_of(rsa) == EVP_PKEY_RSA);
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CAPTURE(version);
    const SslContextHandle both = strict_client(server.authority.certificate(), version);
    SSL_CTX_set1_sigalgs_list(both.get(), "RSA-PSS+SHA256:ECDSA+SHA256:RSA+SHA256");
    const Handshake ec = handshake(server.context, both.get());
    REQUIRE_MESSAGE(ec.done, ec.error);
    CHECK(key_of(ec) == EVP_PKEY_EC);
  }
}

TEST_CASE("http/1.1 is chosen when offered, and other offers do not stop the handshake") {
  const Server server;
  const SslContextHandle client = strict_client(server.authority.certificate());
  const auto alpn_for = [&](std::string_view offer) {
    SslHandle session(SSL_new(client.get()));
    SSL_set_alpn_protos(session.get(), reinterpret_cast<const unsigned char*>(offer.data()),
                        static_cast<unsigned int>(offer.size()));
    const Handshake result = handshake(server.context, std::move(session));
    return result.done ? alpn_of(result.client.get()) : "failed: " + result.error;
  };
  CHECK(alpn_for("\x08http/1.1") == "http/1.1");
  CHECK(alpn_for("\x02h2\x08http/1.1") == "http/1.1");
  CHECK(alpn_for("\x02h2") == "");
  CHECK(alpn_for("\x0ex-amzn-mqtt-ca") == "");
  CHECK(alpn_for("") == "");
}

TEST_CASE("a peer that goes away without close_notify is told apart from one that closes") {
  const Server server;
  const SslContextHandle client = strict_client(server.authority.certificate());
  const auto read_error = [](const SSL* session) {
    char byte = 0;
    ERR_clear_error();
    const int result = SSL_read(const_cast<SSL*>(session), &byte, 1);
    return SSL_get_error(session, result);
  };
  const Handshake closed = handshake(server.context, client.get());
  REQUIRE(closed.done);
  SSL_shutdown(closed.client.get());
  CHECK(read_error(closed.server.get()) == SSL_ERROR_ZERO_RETURN);

  const Handshake cut = handshake(server.context, client.get());
  REQUIRE(cut.done);
  BIO_shutdown_wr(SSL_get_wbio(cut.client.get()));
  CHECK(read_error(cut.server.get()) == SSL_ERROR_SSL);
  CHECK(ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING);
  ERR_clear_error();
}

TEST_CASE("a session outlives the context that made it") {
  const auto authority = CertificateAuthority::create_ephemeral();
  const SslContextHandle client = strict_client(authority.certificate());
  Handshake connection;
  {
    const ServerContext context(authority.mint_leaf(kNames, KeyType::ec_p256));
    connection = handshake(context, client.get());
  }
  REQUIRE(connection.done);
  CHECK(connection.send("hello") == "hello");
}

}  // namespace
}  // namespace iothub::net::tls
