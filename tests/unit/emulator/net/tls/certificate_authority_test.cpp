#include "emulator/net/tls/certificate_authority.h"

#include <doctest/doctest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <chrono>
#include <fstream>
#include <thread>
#include <vector>

#include "emulator/net/tls/atomic_file.h"
#include "tests/unit/support/temporary_folder.h"

namespace iothub::net::tls {
namespace {

using namespace std::chrono_literals;
using iothub::test::TemporaryFolder;

const std::vector<std::string> kNames = {"localhost", "hub1.localhost", "127.0.0.1", "::1"};

mode_t mode_of(const std::filesystem::path& path) {
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 0777U;
}

/// X509_V_OK, or OpenSSL's code for the first thing wrong with the chain leaf - authority.
int strict_verification(const CertificateAuthority& authority, const Leaf& leaf, const char* host,
                        const char* address) {
  const std::unique_ptr<X509_STORE, FreeBy<X509_STORE_free>> store(X509_STORE_new());
  X509_STORE_add_cert(store.get(), authority.certificate());
  const std::unique_ptr<X509_STORE_CTX, FreeBy<X509_STORE_CTX_free>> context(X509_STORE_CTX_new());
  X509_STORE_CTX_init(context.get(), store.get(), leaf.certificate.get(), nullptr);
  X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_X509_STRICT | X509_V_FLAG_CHECK_SS_SIGNATURE);
  X509_VERIFY_PARAM_set_purpose(parameters, X509_PURPOSE_SSL_SERVER);
  if (host != nullptr) X509_VERIFY_PARAM_set1_host(parameters, host, 0);
  if (address != nullptr) X509_VERIFY_PARAM_set1_ip_asc(parameters, address);
  return X509_verify_cert(context.get()) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(context.get());
}

bool is_critical(const X509* certificate, int nid) {
  const X509_EXTENSION* extension = X509_get_ext(certificate, X509_get_ext_by_NID(certificate, nid, -1));
  return extension != nullptr && X509_EXTENSION_get_critical(extension) == 1;
}

std::string refusal(const std::filesystem::path& folder) {
  try {
    CertificateAuthority::load_or_create(folder);
  } catch (const TlsError& error) {
    return error.what();
  }
  return "accepted";
}

TEST_CASE("the first start makes a private key file and a public certificate file in a private folder") {
  const TemporaryFolder root;
  const auto authority = CertificateAuthority::load_or_create(root / "new" / "ca");
  CHECK(mode_of(root / "new" / "ca") == 0700);
  CHECK(mode_of(root / "new" / "ca" / "ca.key") == 0600);
  CHECK(mode_of(root / "new" / "ca" / "ca.pem") == 0644);
  CHECK(authority.certificate_file() == root / "new" / "ca" / "ca.pem");
  CHECK(read_file(authority.certificate_file()) == authority.certificate_pem());
}

TEST_CASE("a later start uses the authority of the first one") {
  const TemporaryFolder root;
  const auto first = CertificateAuthority::load_or_create(root.path());
  const auto second = CertificateAuthority::load_or_create(root.path());
  CHECK(second.certificate_pem() == first.certificate_pem());
  CHECK(strict_verification(first, second.mint_leaf(kNames, KeyType::ec_p256), "localhost", nullptr) == X509_V_OK);
}

TEST_CASE("first starts at the same moment agree on one authority") {
  const TemporaryFolder root;
  std::vector<std::string> certificates(8);
  {
    std::vector<std::jthread> starts;
    for (std::string& certificate : certificates)
      starts.emplace_back([&] {
        try {
          certificate = CertificateAuthority::load_or_create(root.path() / "ca").certificate_pem();
        } catch (const TlsError& error) {
          certificate = error.what();
        }
      });
  }
  for (const std::string& certificate : certificates) CHECK(certificate == certificates.front());
  CHECK(refusal(root.path() / "ca") == "accepted");
}

TEST_CASE("a start that was killed between key and certificate is completed by the next one") {
  const TemporaryFolder root;
  const auto first = CertificateAuthority::load_or_create(root.path());
  std::filesystem::remove(root / "ca.pem");
  const auto second = CertificateAuthority::load_or_create(root.path());
  // Same key, same name: clients that trust the lost certificate accept what the new one signs.
  CHECK(strict_verification(first, second.mint_leaf(kNames, KeyType::ec_p256), "localhost", nullptr) == X509_V_OK);
}

TEST_CASE("the authority's certificate is a root that may sign server certificates only") {
  const auto now = std::chrono::system_clock::now();
  const auto authority = CertificateAuthority::create_ephemeral(now);
  X509* certificate = authority.certificate();
  CHECK(common_name(X509_get_subject_name(certificate)).starts_with("iothub-emulator CA "));
  CHECK(common_name(X509_get_subject_name(certificate)).size() == std::string("iothub-emulator CA ").size() + 8);
  CHECK(X509_get_pathlen(certificate) == 0);
  CHECK(X509_get_key_usage(certificate) == (KU_KEY_CERT_SIGN | KU_CRL_SIGN));
  CHECK(is_critical(certificate, NID_basic_constraints));
  CHECK(is_critical(certificate, NID_key_usage));
  CHECK(X509_get0_subject_key_id(certificate) != nullptr);
  CHECK(X509_get0_authority_key_id(certificate) != nullptr);
  CHECK(ASN1_STRING_length(X509_get0_serialNumber(certificate)) == 16);
  CHECK(time_point(X509_get0_notBefore(certificate)) == std::chrono::floor<std::chrono::seconds>(now - 24h));
  CHECK(time_point(X509_get0_notAfter(certificate)) > now + 24h * 3650);
}

TEST_CASE("an authority made in memory has no file and is another one each time") {
  const auto first = CertificateAuthority::create_ephemeral();
  const auto second = CertificateAuthority::create_ephemeral();
  CHECK(first.certificate_file().empty());
  CHECK(first.certificate_pem() != second.certificate_pem());
  CHECK(strict_verification(first, second.mint_leaf(kNames, KeyType::ec_p256), "localhost", nullptr) != X509_V_OK);
}

TEST_CASE("a server certificate passes strict verification for each of its names and for no other") {
  const auto authority = CertificateAuthority::create_ephemeral();
  for (const KeyType type : {KeyType::ec_p256, KeyType::rsa_2048}) {
    CAPTURE(static_cast<int>(type));
    const Leaf leaf = authority.mint_leaf(kNames, type);
    CHECK(strict_verification(authority, leaf, "localhost", nullptr) == X509_V_OK);
    CHECK(strict_verification(authority, leaf, "hub1.localhost", nullptr) == X509_V_OK);
    CHECK(strict_verification(authority, leaf, nullptr, "127.0.0.1") == X509_V_OK);
    CHECK(strict_verification(authority, leaf, nullptr, "::1") == X509_V_OK);
    CHECK(strict_verification(authority, leaf, "hub2.localhost", nullptr) == X509_V_ERR_HOSTNAME_MISMATCH);
    CHECK(strict_verification(authority, leaf, nullptr, "127.0.0.2") == X509_V_ERR_IP_ADDRESS_MISMATCH);
  }
}

TEST_CASE("a server certificate states its use, its authority and less than 398 days") {
  const auto now = std::chrono::system_clock::now();
  const auto authority = CertificateAuthority::create_ephemeral(now);
  const Leaf ec = authority.mint_leaf(kNames, KeyType::ec_p256, now);
  const Leaf rsa = authority.mint_leaf(kNames, KeyType::rsa_2048, now);
  CHECK(X509_get_key_usage(ec.certificate.get()) == KU_DIGITAL_SIGNATURE);
  CHECK(X509_get_key_usage(rsa.certificate.get()) == (KU_DIGITAL_SIGNATURE | KU_KEY_ENCIPHERMENT));
  CHECK(EVP_PKEY_get_bits(rsa.key.get()) == 2048);
  for (const Leaf* leaf : {&ec, &rsa}) {
    X509* certificate = leaf->certificate.get();
    CHECK(X509_get_extended_key_usage(certificate) == XKU_SSL_SERVER);
    CHECK(is_critical(certificate, NID_key_usage));
    CHECK(X509_check_ca(certificate) == 0);
    CHECK(ASN1_OCTET_STRING_cmp(X509_get0_authority_key_id(certificate),
                                X509_get0_subject_key_id(authority.certificate())) == 0);
    CHECK(time_point(X509_get0_notBefore(certificate)) <= now - 24h);
    CHECK(time_point(X509_get0_notAfter(certificate)) > now + 24h * 395);
    CHECK(time_point(X509_get0_notAfter(certificate)) - time_point(X509_get0_notBefore(certificate)) < 24h * 397);
  }
}

TEST_CASE("a server certificate does not outlive its authority") {
  const auto now = std::chrono::system_clock::now();
  const auto authority = CertificateAuthority::create_ephemeral(now - 24h * 3600);
  const Leaf leaf = authority.mint_leaf(kNames, KeyType::ec_p256, now);
  CHECK(time_point(X509_get0_notAfter(leaf.certificate.get())) ==
        time_point(X509_get0_notAfter(authority.certificate())));
}

TEST_CASE("a host name too long for a common name still verifies") {
  const auto authority = CertificateAuthority::create_ephemeral();
  const std::string name = std::string(50, 'a') + '.' + std::string(50, 'b') + ".localhost";
  const Leaf leaf = authority.mint_leaf(std::vector{name}, KeyType::ec_p256);
  CHECK(X509_NAME_entry_count(X509_get_subject_name(leaf.certificate.get())) == 0);
  CHECK(strict_verification(authority, leaf, name.c_str(), nullptr) == X509_V_OK);
}

TEST_CASE("a server certificate for nothing or for an impossible name is refused") {
  const auto authority = CertificateAuthority::create_ephemeral();
  const auto mint = [&](const std::vector<std::string>& names) { authority.mint_leaf(names, KeyType::ec_p256); };
  CHECK_THROWS_AS(mint({}), std::invalid_argument);
  CHECK_THROWS_AS(mint({""}), std::invalid_argument);
  CHECK_THROWS_AS(mint({"localhost", "hub one"}), std::invalid_argument);
  CHECK_THROWS_AS(mint({"localhost:8883"}), std::invalid_argument);
  CHECK_THROWS_AS(mint({std::string("hub\0evil", 8)}), std::invalid_argument);
  CHECK_THROWS_AS(mint({std::string(254, 'a')}), std::invalid_argument);
}

TEST_CASE("a pair that does not fit is refused with the file's name and left as it is") {
  const TemporaryFolder root;
  const TemporaryFolder other;
  CertificateAuthority::load_or_create(root.path());
  CertificateAuthority::load_or_create(other.path());
  const std::string key_name = (root / "ca.key").string();
  const std::string certificate_name = (root / "ca.pem").string();
  const auto write = [](const std::filesystem::path& path, std::string_view text) {
    std::ofstream(path, std::ios::trunc) << text;
  };

  SUBCASE("the key of another certificate") {
    write(root / "ca.key", read_file(other / "ca.key"));
    const std::string key = read_file(root / "ca.key");
    CHECK(refusal(root.path()).starts_with(key_name + " is not the key"));
    CHECK(read_file(root / "ca.key") == key);
  }
  SUBCASE("a damaged key") {
    write(root / "ca.key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    CHECK(refusal(root.path()).starts_with(key_name));
  }
  SUBCASE("no key") {
    std::filesystem::remove(root / "ca.key");
    CHECK(refusal(root.path()).starts_with(key_name + " is missing"));
    CHECK_FALSE(std::filesystem::exists(root / "ca.key"));
  }
  SUBCASE("a certificate cut short") {
    std::filesystem::resize_file(root / "ca.pem", 200);
    CHECK(refusal(root.path()).starts_with(certificate_name));
    CHECK(std::filesystem::file_size(root / "ca.pem") == 200);
  }
  SUBCASE("an empty certificate file") {
    write(root / "ca.pem", "");
    CHECK(refusal(root.path()).starts_with(certificate_name + " must hold exactly one certificate"));
  }
  SUBCASE("a certificate that is not an authority's") {
    const Leaf leaf = CertificateAuthority::create_ephemeral().mint_leaf(kNames, KeyType::ec_p256);
    const BioHandle key(BIO_new(BIO_s_mem()));
    PEM_write_bio_PrivateKey(key.get(), leaf.key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    char* text = nullptr;
    const long size = BIO_get_mem_data(key.get(), &text);
    write(root / "ca.key", std::string_view(text, static_cast<std::size_t>(size)));
    write(root / "ca.pem", certificate_to_pem(leaf.certificate.get()));
    CHECK(refusal(root.path()) == certificate_name + " is not a CA certificate");
  }
}

TEST_CASE("an expired authority is refused with the way out") {
  const TemporaryFolder root;
  CertificateAuthority::load_or_create(root.path(), std::chrono::system_clock::now() - 24h * 3660);
  CHECK(refusal(root.path()).starts_with((root / "ca.pem").string() + " has expired"));
}

}  // namespace
}  // namespace iothub::net::tls

TEST_CASE("the search for an RSA key ends when it is asked to") {
  const auto authority = iothub::net::tls::CertificateAuthority::create_ephemeral();
  std::stop_source stop;
  stop.request_stop();
  const std::vector<std::string> names{"localhost"};
  CHECK_THROWS_AS(authority.mint_leaf(names, iothub::net::tls::KeyType::rsa_2048, std::chrono::system_clock::now(),
                                      stop.get_token()),
                  iothub::net::tls::TlsError);
}
