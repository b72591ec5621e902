#include "emulator/net/tls/server_context.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <exception>
#include <string_view>

#include "emulator/net/tls/handshake_guard.h"

namespace iothub::net::tls {
namespace {

// One full record and the start of the next. A larger buffer would cost memory on each connection that is being read.
constexpr std::size_t kReadBufferLength = 17 * 1024;

// The suites with forward secrecy: since 2025-08-31 IoT Hub takes no others ("TLS support in IoT Hub", Microsoft
// Learn). ChaCha20 is an addition for boards without AES instructions.
constexpr const char* kTls12Ciphers =
    "ECDHE+AESGCM:ECDHE+CHACHA20:"
    "ECDHE-ECDSA-AES256-SHA384:ECDHE-RSA-AES256-SHA384:ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA256";

/// Stands for the whole chain verification: any client certificate passes, because a self-signed one with a registered
/// thumbprint is as good as a CA-signed one, and only the hub knows the device's kind of authentication.
int accept_any_certificate(X509_STORE_CTX*, void*) {
  return 1;
}

/// HTTP clients offer http/1.1, device clients offer nothing. Without a common protocol the handshake goes on without
/// ALPN, since the first bytes inside tell the protocol anyway.
int choose_http11(SSL*, const unsigned char** chosen, unsigned char* chosen_size, const unsigned char* offered,
                  unsigned int offered_size, void*) {
  constexpr std::string_view kHttp11 = "http/1.1";
  for (unsigned int at = 0; at < offered_size;) {
    const unsigned char size = offered[at];
    const unsigned char* name = offered + at + 1;
    at += 1U + size;
    if (at > offered_size) break;
    if (size == kHttp11.size() && std::memcmp(name, kHttp11.data(), size) == 0) {
      *chosen = name;
      *chosen_size = size;
      return SSL_TLSEXT_ERR_OK;
    }
  }
  return SSL_TLSEXT_ERR_NOACK;
}

/// The address that the client came to; empty where it is none.
std::string local_address(SSL* session) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(SSL_get_fd(session), reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* const bytes = address.ss_family == AF_INET
                                ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in*>(&address)->sin_addr)
                                : static_cast<const void*>(&reinterpret_cast<const sockaddr_in6*>(&address)->sin6_addr);
  if (address.ss_family != AF_INET && address.ss_family != AF_INET6) return {};
  if (::inet_ntop(address.ss_family, bytes, text.data(), text.size()) == nullptr) return {};
  return text.data();
}

}  // namespace

ServerContext::ServerContext(const Leaf& first)
    : context_(checked(SSL_CTX_new(TLS_server_method()), "cannot make a TLS context")) {
  SSL_CTX* context = context_.get();
  // The machine's openssl.cnf may have changed versions, level, suites and options: the wire must not depend on it.
  check(SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION), "cannot set the lowest TLS version");
  check(SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION), "cannot set the highest TLS version");
  SSL_CTX_set_security_level(context, 2);
  check(SSL_CTX_set_cipher_list(context, kTls12Ciphers), "cannot set the cipher suites");
  check(SSL_CTX_set_ciphersuites(context, "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256"),
        "cannot set the TLS 1.3 cipher suites");
  // The server's order makes the EC certificate win. A client that puts ChaCha20 first has no AES instructions.
  SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA | SSL_OP_NO_COMPRESSION |
                                   SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
  // With this option a cut connection would look like a clean end, and a truncated HTTP body like a whole one.
  SSL_CTX_clear_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);

  // No resumption of any kind: each ticket costs handshake time and memory, and clients reconnect rarely. The session
  // id context is set all the same: with a requested client certificate OpenSSL otherwise fails a client that tries.
  check(SSL_CTX_set_num_tickets(context, 0), "cannot turn session tickets off");
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  constexpr std::string_view kSessionIdContext = "iothub-emulator";
  check(SSL_CTX_set_session_id_context(context, reinterpret_cast<const unsigned char*>(kSessionIdContext.data()),
                                       static_cast<unsigned int>(kSessionIdContext.size())),
        "cannot set the session id context");

  // Released buffers halve an idle connection's memory; read-ahead takes many small records with one system call.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_NO_AUTO_CHAIN);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_default_read_buffer_len(context, kReadBufferLength);

  // Asked for, never required. No CA names go out: Java sends a certificate only if its issuer is among the names, if
  // there are any.
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_max_cert_list(context, static_cast<long>(kMaxHandshakeMessage));
  SSL_CTX_set_cert_verify_callback(context, accept_any_certificate, nullptr);
  SSL_CTX_set_alpn_select_cb(context, choose_http11, nullptr);
  SSL_CTX_set_cert_cb(context, choose_certificate, this);
  add_leaf(first);
}

void ServerContext::add_leaf(const Leaf& leaf) {
  check(SSL_CTX_use_cert_and_key(context_.get(), leaf.certificate.get(), leaf.key.get(), nullptr, 1),
        "cannot use a server certificate");
}

void ServerContext::add_name(const std::string& name, std::function<Leaf()> mint) {
  named_.insert_or_assign(name, Named{std::move(mint)});
}

void ServerContext::remove_name(const std::string& name) {
  named_.erase(name);
}

const Leaf* ServerContext::leaf_of(const std::string& name) {
  const auto found = named_.find(name);
  if (found == named_.end()) return nullptr;
  Named& named = found->second;
  if (!named.leaf) named.leaf = std::make_unique<Leaf>(named.mint());
  return named.leaf.get();
}

/// In the middle of the handshake, when the ClientHello has been read. No exception may pass OpenSSL.
int ServerContext::choose_certificate(SSL* session, void* self) {
  auto& context = *static_cast<ServerContext*>(self);
  if (context.named_.empty()) return 1;
  try {
    const char* said = SSL_get_servername(session, TLSEXT_NAMETYPE_host_name);
    const Leaf* leaf = context.leaf_of(said != nullptr ? std::string(said) : local_address(session));
    if (leaf == nullptr) return 1;
    return SSL_use_cert_and_key(session, leaf->certificate.get(), leaf->key.get(), nullptr, 1);
  } catch (const std::exception&) {
    return 0;  // the handshake fails, and its connection says so in the log
  }
}

SslHandle ServerContext::new_session() const {
  SslHandle session(checked(SSL_new(context_.get()), "no memory for a TLS session"));
  SSL_set_accept_state(session.get());
  return session;
}

}  // namespace iothub::net::tls
