/// Writes everything that a TLS test in another language needs into one folder:
///   make_trust_store FOLDER PASSWORD NAME...
/// gives ca/ca.pem, bundle.pem and trust.p12 (system roots and the authority), and a server certificate for the names
/// as leaf.pem and leaf.key. Prints the number of trusted certificates.
#include <openssl/pem.h>

#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "emulator/net/tls/atomic_file.h"
#include "emulator/net/tls/certificate_authority.h"
#include "emulator/net/tls/trust_store.h"

namespace {

using namespace iothub::net::tls;

std::string key_to_pem(EVP_PKEY* key) {
  const BioHandle bio(checked(BIO_new(BIO_s_mem()), "no memory"));
  check(PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr), "cannot write the key");
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return std::string(text, static_cast<std::size_t>(size));
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 4) {
    std::cerr << "usage: make_trust_store FOLDER PASSWORD NAME...\n";
    return 2;
  }
  const std::filesystem::path folder = argv[1];
  const std::vector<std::string> names(argv + 3, argv + argc);
  const auto authority = CertificateAuthority::load_or_create(folder / "ca");
  const Leaf leaf = authority.mint_leaf(names, KeyType::ec_p256);
  write_file_atomically(folder / "leaf.pem", certificate_to_pem(leaf.certificate.get()), 0644);
  write_file_atomically(folder / "leaf.key", key_to_pem(leaf.key.get()), 0600);
  const auto certificates = trusted_certificates(authority.certificate(), base_bundles({}, {}));
  write_pem_bundle(folder / "bundle.pem", certificates);
  write_java_trust_store(folder / "trust.p12", certificates, argv[2]);
  std::cout << certificates.size() << '\n';
} catch (const std::exception& error) {
  std::cerr << "make_trust_store: " << error.what() << '\n';
  return 1;
}
