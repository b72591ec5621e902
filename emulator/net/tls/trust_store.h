#pragma once
/// Files that make unchanged clients trust the emulator beside everything they trusted before: a PEM bundle for
/// OpenSSL, Python, Node and .NET, and a key store for Java.
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/net/tls/openssl.h"

namespace iothub::net::tls {

/// Where the roots come from that a client would use without the emulator: the files or folders that the caller's
/// SSL_CERT_FILE and REQUESTS_CA_BUNDLE name (both if they differ; empty means not set), else the system's own bundle.
/// Empty on a system that has none.
std::vector<std::filesystem::path> base_bundles(std::string_view ssl_cert_file, std::string_view requests_ca_bundle);

/// The authority's certificate first, then those of the bundles, each once. A bundle that is a folder gives its `.pem`,
/// `.crt`, `.cer` and hashed `.N` files. Throws std::system_error for a bundle that cannot be read and TlsError for a
/// damaged one: to leave roots out silently would break the client's other connections.
std::vector<CertificateHandle> trusted_certificates(X509* authority, std::span<const std::filesystem::path> bundles);

/// Writes the certificates as PEM, readable by everybody, atomically. Throws std::system_error or TlsError.
void write_pem_bundle(const std::filesystem::path& path, std::span<const CertificateHandle> certificates);

/// Writes the certificates as a PKCS #12 store for `-Djavax.net.ssl.trustStore`, readable by everybody, atomically. The
/// password only seals it (HMAC-SHA-256: Java 8u301 or newer, 11.0.12, 17); the certificates are public and not
/// encrypted, so that a client which names the store but no password finds them too. Throws std::system_error or
/// TlsError.
void write_java_trust_store(const std::filesystem::path& path, std::span<const CertificateHandle> certificates,
                            const std::string& password);

}  // namespace iothub::net::tls
