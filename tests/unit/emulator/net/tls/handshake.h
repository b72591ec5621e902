#pragma once
/// Both ends of a TLS connection over a pair of memory BIOs: no sockets, one thread.
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <string>
#include <string_view>
#include <utility>

#include "emulator/net/tls/server_context.h"

namespace iothub::net::tls::test {

/// A client that trusts `authority` only and checks chains as strictly as Python 3.13 does.
inline SslContextHandle strict_client(X509* authority, int version = 0) {
  SslContextHandle context(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_min_proto_version(context.get(), version);
  SSL_CTX_set_max_proto_version(context.get(), version);
  X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), authority);
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context.get()), X509_V_FLAG_X509_STRICT);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  return context;
}

struct Handshake {
  SslHandle client;
  SslHandle server;
  bool done = false;
  std::string error;  ///< OpenSSL's reasons when not done.

  /// Moves one text from the client to the server.
  std::string send(std::string_view text) const {
    if (SSL_write(client.get(), text.data(), static_cast<int>(text.size())) <= 0) return "not written";
    std::string received(text.size() + 1, '\0');
    const int size = SSL_read(server.get(), received.data(), static_cast<int>(received.size()));
    received.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return received;
  }

  /// Lets the client take what the server sent after the handshake (TLS 1.3 sends tickets then, if any).
  void read_at_client() const {
    char byte = 0;
    SSL_read(client.get(), &byte, 1);
    ERR_clear_error();
  }
};

inline Handshake handshake(const ServerContext& server, SslHandle client) {
  Handshake result{std::move(client), server.new_session(), false, {}};
  BIO* client_end = nullptr;
  BIO* server_end = nullptr;
  BIO_new_bio_pair(&client_end, 65536, &server_end, 65536);
  SSL_set_bio(result.client.get(), client_end, client_end);
  SSL_set_bio(result.server.get(), server_end, server_end);
  SSL_set_connect_state(result.client.get());
  const auto step = [&result](SSL* session) {
    const int outcome = SSL_do_handshake(session);  // clears the error queue first
    while (const unsigned long code = ERR_get_error())
      result.error += std::string(ERR_reason_error_string(code)) + "; ";
    return outcome == 1;
  };
  for (int turn = 0; turn < 10 && !result.done; ++turn) {
    const bool client_done = step(result.client.get());
    const bool server_done = step(result.server.get());
    result.done = client_done && server_done;
  }
  return result;
}

inline Handshake handshake(const ServerContext& server, SSL_CTX* client) {
  return handshake(server, SslHandle(SSL_new(client)));
}

}  // namespace iothub::net::tls::test
