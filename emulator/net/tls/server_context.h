#pragma once
/// The TLS settings that every accepted connection shares, and the server's certificates.
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "emulator/net/tls/certificate_authority.h"
#include "emulator/net/tls/openssl.h"

namespace iothub::net::tls {

/// What the user of a session must know:
/// - Read-ahead is on, so OpenSSL may hold bytes that the descriptor no longer shows as readable: after each
///   readiness, call SSL_read until it reports SSL_ERROR_WANT_READ.
/// - Writes may be partial, and a repeated write may come from another address.
/// - A peer that closes its socket without close_notify shows as SSL_ERROR_SSL with the reason
///   SSL_R_UNEXPECTED_EOF_WHILE_READING (many clients do: log it as a closed connection, not as a failure).
/// - The handshake accepts any client certificate, also none; client_certificate() tells afterwards.
class ServerContext {
 public:
  /// `first` should be the EC P-256 certificate: a client that takes both kinds gets it. Throws TlsError.
  explicit ServerContext(const Leaf& first);

  /// Adds a certificate of another key type, or replaces the one of the same type. Sessions made before keep what they
  /// have. Not to be called while another thread makes sessions. Throws TlsError.
  void add_leaf(const Leaf& leaf);

  /// Clients that ask for the name by SNI, or that say none and came to it as a local address, get a certificate of
  /// its own, from `mint` when the first of them comes. An EC one: a client without ECDSA gets the first's RSA one.
  void add_name(const std::string& name, std::function<Leaf()> mint);
  void remove_name(const std::string& name);

  /// A server-side session waiting for its ClientHello, not yet bound to a socket or BIO. It keeps the shared settings
  /// alive, so it may outlive this object. Throws TlsError when memory is short.
  SslHandle new_session() const;

  SSL_CTX* native_handle() const { return context_.get(); }

 private:
  struct Named {
    std::function<Leaf()> mint;
    std::unique_ptr<Leaf> leaf{};
  };
  static int choose_certificate(SSL* session, void* self);
  const Leaf* leaf_of(const std::string& name);

  std::map<std::string, Named> named_;
  SslContextHandle context_;
};

}  // namespace iothub::net::tls
