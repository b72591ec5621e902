#pragma once
/// Owning handles for OpenSSL's objects, and the exception that carries OpenSSL's error queue.
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace iothub::net::tls {

/// Deletes by the OpenSSL function given, which accepts null.
template <auto Free>
struct FreeBy {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};

using BioHandle = std::unique_ptr<BIO, FreeBy<BIO_free_all>>;
using CertificateHandle = std::unique_ptr<X509, FreeBy<X509_free>>;
using KeyHandle = std::unique_ptr<EVP_PKEY, FreeBy<EVP_PKEY_free>>;
using SslContextHandle = std::unique_ptr<SSL_CTX, FreeBy<SSL_CTX_free>>;
/// One TLS connection's state.
using SslHandle = std::unique_ptr<SSL, FreeBy<SSL_free>>;

/// Certificates that cannot be read, made or used: a bad start-up, told with the file's name where there is one.
class TlsError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Throws TlsError with `what` and OpenSSL's pending errors, which it removes from the thread's queue.
[[noreturn]] void throw_openssl_error(std::string_view what);

/// Passes on what an OpenSSL constructor or accessor returned; throws as throw_openssl_error when that is null.
template <typename T>
T* checked(T* object, std::string_view what) {
  if (object == nullptr) throw_openssl_error(what);
  return object;
}

/// For calls that return 1 on success: anything else throws as throw_openssl_error.
inline void check(long result, std::string_view what) {
  if (result != 1) throw_openssl_error(what);
}

/// A certificate's DER form as a character string; empty for null.
std::string certificate_der(const X509* certificate);

/// A certificate as one PEM block.
std::string certificate_to_pem(const X509* certificate);

/// The certificates of a PEM text in order; other blocks between them are skipped. `source` names it in a TlsError,
/// thrown for a damaged block. No certificate at all is an empty answer.
std::vector<CertificateHandle> certificates_from_pem(std::string_view pem, std::string_view source);

/// A certificate's time in UTC, to the second.
std::chrono::sys_seconds time_point(const ASN1_TIME* time);

/// The first common name of a distinguished name as UTF-8; empty where it has none.
std::string common_name(const X509_NAME* name);

}  // namespace iothub::net::tls
