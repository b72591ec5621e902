#include "emulator/app/client_environment.h"

#include <stdexcept>
#include <vector>

#include "emulator/net/tls/atomic_file.h"
#include "emulator/net/tls/trust_store.h"

namespace iothub::app {
namespace {

constexpr std::string_view kJavaTrustStoreOption = "-Djavax.net.ssl.trustStore";

/// The JVM splits the variable at white space outside quotes (OpenJDK, Arguments::parse_options_buffer).
std::vector<std::string> java_options(std::string_view text) {
  std::vector<std::string> options;
  std::string option;
  char quote = 0;
  for (const char c : text) {
    const bool separates = quote == 0 && (c == ' ' || c == '\t' || c == '\n');
    if (separates) {
      if (!option.empty()) options.push_back(std::move(option));
      option.clear();
      continue;
    }
    if (quote == 0 && (c == '"' || c == '\'')) {
      quote = c;
    } else if (c == quote) {
      quote = 0;
    }
    option += c;
  }
  if (!option.empty()) options.push_back(std::move(option));
  return options;
}

std::string java_tool_options(std::string_view of_caller, const std::filesystem::path& store) {
  std::string result;
  for (const std::string& option : java_options(of_caller)) {
    // Ours when a shell evaluates `env` twice.
    if (!option.starts_with(kJavaTrustStoreOption)) result += option + ' ';
  }
  const std::string file = store.string();
  const bool needs_quotes = file.find_first_of(" \t") != std::string::npos;
  result += std::string(kJavaTrustStoreOption) + "=" + (needs_quotes ? "\"" + file + "\"" : file);
  result += ' ' + std::string(kJavaTrustStoreOption) + "Type=PKCS12";
  result += ' ' + std::string(kJavaTrustStoreOption) + "Password=" + kJavaStorePassword;
  return result;
}

}  // namespace

TrustFiles write_trust_files(const std::filesystem::path& folder, const std::string& ca_file,
                             const Environment& caller) {
  const auto authority = net::tls::certificates_from_pem(net::tls::read_file(ca_file), ca_file);
  if (authority.empty()) throw std::runtime_error("there is no certificate in " + ca_file);

  TrustFiles files{folder / "bundle.pem", folder / "node-extra.pem", folder / "trust.p12"};
  const auto bases = net::tls::base_bundles(variable(caller, "SSL_CERT_FILE"), variable(caller, "REQUESTS_CA_BUNDLE"));
  const auto certificates = net::tls::trusted_certificates(authority.front().get(), bases);
  net::tls::write_pem_bundle(files.bundle, certificates);
  net::tls::write_java_trust_store(files.java_store, certificates, kJavaStorePassword);

  std::vector<std::filesystem::path> extra;
  if (const auto named = variable(caller, "NODE_EXTRA_CA_CERTS"); !named.empty()) extra.emplace_back(named);
  net::tls::write_pem_bundle(files.node_extra, net::tls::trusted_certificates(authority.front().get(), extra));
  return files;
}

Environment client_environment(const RunningHub& hub, const TrustFiles& trust, const Environment& caller) {
  const std::string* owner = hub.connection_string("iothubowner");
  if (owner == nullptr) throw std::runtime_error("the hub has no policy iothubowner");
  Environment environment;
  environment["IOTHUB_CONNECTION_STRING"] = *owner;
  environment["EVENTHUB_CONNECTION_STRING"] = hub.event_hub_connection_string;
  environment["IOTHUB_POLICIES"] = connection_strings_json(hub.connection_strings).dump();
  environment["SSL_CERT_FILE"] = trust.bundle.string();
  environment["REQUESTS_CA_BUNDLE"] = trust.bundle.string();
  environment["NODE_EXTRA_CA_CERTS"] = trust.node_extra.string();
  environment["JAVA_TOOL_OPTIONS"] = java_tool_options(variable(caller, "JAVA_TOOL_OPTIONS"), trust.java_store);
  return environment;
}

}  // namespace iothub::app
