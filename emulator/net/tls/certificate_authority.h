#pragma once
/// The emulator's own certificate authority: made once, kept in a folder, trusted by the user's clients; it mints the
/// server certificates, which are never kept.
#include <chrono>
#include <filesystem>
#include <span>
#include <stop_token>
#include <string>

#include "emulator/net/tls/openssl.h"

namespace iothub::net::tls {

enum class KeyType { ec_p256, rsa_2048 };

/// A server certificate with its private key.
struct Leaf {
  KeyHandle key;
  CertificateHandle certificate;
};

class CertificateAuthority {
 public:
  using Time = std::chrono::system_clock::time_point;

  /// Reads `ca.pem` and `ca.key` from the folder; makes the folder (0700), an EC P-256 key (0600) and a certificate
  /// (0644) valid for 10 years where neither file is there yet. Several processes may do so at once: all get the same
  /// pair. A present pair only needs to be readable, so the folder may be mounted read-only. A key alone is what a
  /// first start leaves when it is killed half-way: it gets its certificate. Anything else that does not fit (damaged
  /// file, key of another certificate, certificate without key, expired or not a CA) throws TlsError naming the file
  /// and nothing is replaced, because clients may trust what is there. Files that cannot be read or written:
  /// std::system_error, or std::filesystem::filesystem_error for the folder.
  static CertificateAuthority load_or_create(const std::filesystem::path& folder,
                                             Time now = std::chrono::system_clock::now());

  /// As load_or_create, but in memory only: certificate_file() is empty. For tests.
  static CertificateAuthority create_ephemeral(Time now = std::chrono::system_clock::now());

  /// A server certificate for the names, the first of which is also the subject's common name (left out when over 64
  /// characters, the limit of X.520). A name that reads as an IPv4 or IPv6 address becomes an IP entry, any other a DNS
  /// entry; clients check one kind against the other never. Valid from a day ago for 397 days in all, the longest that
  /// every client platform takes, and no longer than the authority itself. Throws std::invalid_argument for no names or
  /// an impossible one, TlsError if OpenSSL fails or `stop` is requested while an RSA key is looked for. May be called
  /// from any thread: RSA-2048 takes up to a second, so it belongs on the worker.
  Leaf mint_leaf(std::span<const std::string> names, KeyType key_type, Time now = std::chrono::system_clock::now(),
                 const std::stop_token& stop = {}) const;

  X509* certificate() const { return certificate_.get(); }
  const std::string& certificate_pem() const { return pem_; }
  /// The absolute path of `ca.pem`.
  const std::filesystem::path& certificate_file() const { return file_; }

 private:
  CertificateAuthority(KeyHandle key, CertificateHandle certificate, std::filesystem::path file);

  KeyHandle key_;
  CertificateHandle certificate_;
  std::string pem_;
  std::filesystem::path file_;
};

}  // namespace iothub::net::tls
