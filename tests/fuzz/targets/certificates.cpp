// Certificates of a CA file and of a client: both readers of a file see the same ones, and nobody is a registered CA's
// client by accident.
#include "emulator/hub/device_cas.h"
#include "emulator/net/tls/openssl.h"
#include "emulator/seed/seed.h"
#include "tests/fuzz/support/fuzz_world.h"
#include "tests/fuzz/support/input.h"
#include "tests/fuzz/support/require.h"
#include "tests/fuzz/targets.h"

namespace iothub::fuzz {
namespace {

/// Nothing where the text is damaged.
std::optional<std::vector<net::tls::CertificateHandle>> read(std::string_view pem) {
  try {
    return net::tls::certificates_from_pem(pem, "input");
  } catch (const net::tls::TlsError&) {
    return std::nullopt;
  }
}

bool is_registered(std::string_view pem) {
  try {
    const hub::DeviceCas cas({std::string(pem)});
    return true;
  } catch (const std::invalid_argument&) {
    return false;
  }
}

/// Not where a time of it cannot be read.
bool has_times(const X509* certificate) {
  try {
    (void)net::tls::time_point(X509_get0_notBefore(certificate));
    (void)net::tls::time_point(X509_get0_notAfter(certificate));
    return true;
  } catch (const net::tls::TlsError&) {
    return false;
  }
}

}  // namespace

void certificates(std::string_view input) {
  const auto certificates = read(input);
  // A CA file's reader passes over what follows a certificate inside its block; the other one does not.
  if (is_registered(input) && certificates) require(!certificates->empty(), "a file without certificates is a CA's");
  std::vector<std::string> chain;
  for (std::size_t i = 0; certificates && i < certificates->size(); ++i) {
    const net::tls::CertificateHandle& certificate = (*certificates)[i];
    (void)has_times(certificate.get());
    (void)net::tls::common_name(X509_get_subject_name(certificate.get()));
    const std::string der = net::tls::certificate_der(certificate.get());
    const auto again = read(net::tls::certificate_to_pem(certificate.get()));
    require(again && again->size() == 1 && net::tls::certificate_der(again->front().get()) == der,
            "a certificate is written as it is");
    chain.push_back(der);
  }
  chain.emplace_back(input);
  static const hub::DeviceCas none{std::vector<std::string>()};
  require(!none.verify(chain, test::FakeClock().now()), "without a CA nobody is its client");
  const std::vector<std::string> raw{std::string(input)};
  require(!none.verify(raw, test::FakeClock().now()), "without a CA nobody is its client");
}

}  // namespace iothub::fuzz
