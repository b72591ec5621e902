#include "emulator/app/client_environment.h"

#include <doctest/doctest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "emulator/app/temporary_folder.h"
#include "emulator/net/tls/atomic_file.h"
#include "emulator/net/tls/certificate_authority.h"

using namespace iothub::app;
using iothub::net::tls::CertificateAuthority;

namespace {

const RunningHub kHub{
    {}, "/ca/ca.pem", {{"iothubowner", "HostName=x;K=o"}, {"service", "HostName=x;K=s"}}, "Endpoint=sb://x/"};
const TrustFiles kTrust{"/t/bundle.pem", "/t/node.pem", "/t/trust.p12"};
constexpr const char* kOurJavaOptions =
    "-Djavax.net.ssl.trustStore=/t/trust.p12 -Djavax.net.ssl.trustStoreType=PKCS12 "
    "-Djavax.net.ssl.trustStorePassword=changeit";

/// A folder with two authorities: the hub's, and one that the caller trusted so far.
struct Authorities {
  Authorities() : hub(CertificateAuthority::create_ephemeral()), other(CertificateAuthority::create_ephemeral()) {
    std::ofstream(hub_file()) << hub.certificate_pem();
    std::ofstream(other_file()) << other.certificate_pem();
  }
  std::string hub_file() const { return (folder.path() / "hub.pem").string(); }
  std::string other_file() const { return (folder.path() / "other.pem").string(); }

  TemporaryFolder folder;
  CertificateAuthority hub;
  CertificateAuthority other;
};

}  // namespace

TEST_CASE("clients get the owner's connection string, all policies and the trust files") {
  const Environment environment = client_environment(kHub, kTrust, {});
  CHECK(environment.at("IOTHUB_CONNECTION_STRING") == "HostName=x;K=o");
  CHECK(environment.at("EVENTHUB_CONNECTION_STRING") == "Endpoint=sb://x/");
  CHECK(environment.at("IOTHUB_POLICIES") == R"({"iothubowner":"HostName=x;K=o","service":"HostName=x;K=s"})");
  CHECK(environment.at("SSL_CERT_FILE") == "/t/bundle.pem");
  CHECK(environment.at("REQUESTS_CA_BUNDLE") == "/t/bundle.pem");
  CHECK(environment.at("NODE_EXTRA_CA_CERTS") == "/t/node.pem");
  CHECK(environment.at("JAVA_TOOL_OPTIONS") == kOurJavaOptions);
  CHECK(environment.size() == 7);
}

TEST_CASE("the caller's other Java options stay, another trust store does not") {
  const auto options_after = [](const std::string& before) {
    return client_environment(kHub, kTrust, {{"JAVA_TOOL_OPTIONS", before}}).at("JAVA_TOOL_OPTIONS");
  };
  CHECK(options_after("-Xmx1g '-Da=b c'") == std::string("-Xmx1g '-Da=b c' ") + kOurJavaOptions);
  CHECK(options_after(kOurJavaOptions) == kOurJavaOptions);
}

TEST_CASE("a Java trust store in a folder with a space is quoted") {
  const TrustFiles trust{"/b", "/n", "/a b/trust.p12"};
  CHECK(client_environment(kHub, trust, {})
            .at("JAVA_TOOL_OPTIONS")
            .starts_with("-Djavax.net.ssl.trustStore=\"/a b/trust.p12\" "));
}

TEST_CASE("the bundle holds the hub's authority and the roots that the caller named") {
  const Authorities authorities;
  const TrustFiles trust = write_trust_files(authorities.folder.path(), authorities.hub_file(),
                                             {{"SSL_CERT_FILE", authorities.other_file()}});
  CHECK(iothub::net::tls::read_file(trust.bundle) ==
        authorities.hub.certificate_pem() + authorities.other.certificate_pem());
  CHECK(iothub::net::tls::read_file(trust.node_extra) == authorities.hub.certificate_pem());
  CHECK(std::filesystem::file_size(trust.java_store) > 0);
}

TEST_CASE("Node goes on trusting what the caller gave it") {
  const Authorities authorities;
  const Environment caller{{"SSL_CERT_FILE", authorities.hub_file()},
                           {"NODE_EXTRA_CA_CERTS", authorities.other_file()}};
  const TrustFiles trust = write_trust_files(authorities.folder.path(), authorities.hub_file(), caller);
  CHECK(iothub::net::tls::read_file(trust.node_extra) ==
        authorities.hub.certificate_pem() + authorities.other.certificate_pem());
  CHECK(iothub::net::tls::read_file(trust.bundle) == authorities.hub.certificate_pem());
}

TEST_CASE("a bundle of the caller that cannot be read is an error that names it") {
  const Authorities authorities;
  const Environment caller{{"SSL_CERT_FILE", "/nowhere/roots.pem"}};
  CHECK_THROWS_WITH(write_trust_files(authorities.folder.path(), authorities.hub_file(), caller),
                    doctest::Contains("/nowhere/roots.pem"));
}
