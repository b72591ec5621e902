#include "emulator/net/tls/client_certificate.h"

#include <array>

namespace iothub::net::tls {
namespace {

std::string thumbprint(const X509* certificate, const EVP_MD* digest) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned int size = 0;
  check(X509_digest(certificate, digest, bytes.data(), &size), "cannot hash a client certificate");
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string text;
  for (unsigned int i = 0; i < size; ++i) {
    text += kHex[bytes[i] >> 4U];
    text += kHex[bytes[i] & 15U];
  }
  return text;
}

}  // namespace

std::optional<ClientCertificate> client_certificate(const SSL* session) {
  const X509* certificate = SSL_get0_peer_certificate(session);
  if (certificate == nullptr) return std::nullopt;
  ClientCertificate client{.sha1_thumbprint = thumbprint(certificate, EVP_sha1()),
                           .sha256_thumbprint = thumbprint(certificate, EVP_sha256()),
                           .common_name = common_name(X509_get_subject_name(certificate)),
                           .not_before = time_point(X509_get0_notBefore(certificate)),
                           .not_after = time_point(X509_get0_notAfter(certificate)),
                           .chain = {certificate_der(certificate)}};
  // On a server OpenSSL's chain leaves the client's own certificate out; null when nothing came along.
  const STACK_OF(X509)* others = SSL_get_peer_cert_chain(session);
  for (int i = 0; others != nullptr && i < sk_X509_num(others); ++i)
    client.chain.push_back(certificate_der(sk_X509_value(others, i)));
  return client;
}

}  // namespace iothub::net::tls
