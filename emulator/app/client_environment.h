#pragma once
/// The environment that makes unchanged clients find a hub and trust it.
#include <filesystem>
#include <string>

#include "emulator/app/environment.h"
#include "emulator/app/running_hub.h"

namespace iothub::app {

/// The trust files written by write_trust_files().
struct TrustFiles {
  std::filesystem::path bundle;      ///< PEM: the roots that the caller used so far, and the hub's authority
  std::filesystem::path node_extra;  ///< PEM: what Node is to trust beside its own roots
  std::filesystem::path java_store;  ///< PKCS #12 with the bundle's content
};

/// The password of java_store: Java's own default.
inline constexpr const char* kJavaStorePassword = "changeit";

/// Writes the files into a folder that is there. The roots are those that SSL_CERT_FILE, REQUESTS_CA_BUNDLE and
/// NODE_EXTRA_CA_CERTS of `caller` name, else the system's. Throws std::system_error or net::tls::TlsError naming the
/// file.
TrustFiles write_trust_files(const std::filesystem::path& folder, const std::string& ca_file,
                             const Environment& caller);

/// IOTHUB_CONNECTION_STRING (of iothubowner), IOTHUB_POLICIES, SSL_CERT_FILE, REQUESTS_CA_BUNDLE, NODE_EXTRA_CA_CERTS,
/// JAVA_TOOL_OPTIONS: the last keeps the caller's options, except those of another trust store.
Environment client_environment(const RunningHub& hub, const TrustFiles& trust, const Environment& caller);

}  // namespace iothub::app
