#pragma once
/// What a client proved to own in its handshake. The TLS layer accepts every certificate; the hub decides by these
/// facts.
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "emulator/net/tls/openssl.h"

namespace iothub::net::tls {

struct ClientCertificate {
  std::string
      sha1_thumbprint;  ///< Of the DER form, 40 upper-case hex digits: as a device's x509Thumbprint may hold it.
  std::string sha256_thumbprint;  ///< Likewise, 64 digits.
  std::string common_name;        ///< Of the subject, where a CA-signed device carries its device id; may be empty.
  std::chrono::sys_seconds not_before;
  std::chrono::sys_seconds not_after;
  std::vector<std::string> chain;  ///< DER; the client's own first, then what it sent along. Nothing in it is verified.
};

/// The certificate of a finished handshake; nullopt when the client sent none. That the client holds its private key is
/// certain (TLS checks that signature always); who signed it and whether it is in date is not.
std::optional<ClientCertificate> client_certificate(const SSL* session);

}  // namespace iothub::net::tls
