#include "emulator/net/tls/trust_store.h"

#include <doctest/doctest.h>
#include <openssl/pkcs12.h>
#include <sys/stat.h>

#include <fstream>
#include <memory>
#include <set>
#include <system_error>

#include "emulator/net/tls/atomic_file.h"
#include "emulator/net/tls/certificate_authority.h"
#include "tests/unit/support/temporary_folder.h"

namespace iothub::net::tls {
namespace {

using iothub::test::TemporaryFolder;

void write(const std::filesystem::path& path, std::string_view text) {
  std::ofstream(path, std::ios::trunc) << text;
}

std::vector<std::string> ders(std::span<const CertificateHandle> certificates) {
  std::vector<std::string> all;
  for (const CertificateHandle& certificate : certificates) all.push_back(certificate_der(certificate.get()));
  return all;
}

TEST_CASE("the caller's own bundles come before the system's") {
  using Paths = std::vector<std::filesystem::path>;
  CHECK(base_bundles("/a.pem", "/b.pem") == Paths{"/a.pem", "/b.pem"});
  CHECK(base_bundles("/a.pem", "/a.pem") == Paths{"/a.pem"});
  CHECK(base_bundles("", "/b.pem") == Paths{"/b.pem"});
  for (const auto& bundle : base_bundles("", "")) CHECK(std::filesystem::exists(bundle));
}

TEST_CASE("the bundle holds the authority first and then every root once") {
  const TemporaryFolder folder;
  const auto authority = CertificateAuthority::create_ephemeral();
  const auto first = CertificateAuthority::create_ephemeral();
  const auto second = CertificateAuthority::create_ephemeral();
  write(folder / "roots.pem", "# First root\n" + first.certificate_pem() + "\n" + authority.certificate_pem());
  std::filesystem::create_directory(folder / "more");
  write(folder / "more" / "1a2b3c4d.0", first.certificate_pem());
  write(folder / "more" / "second.crt", second.certificate_pem());
  write(folder / "more" / "README", "-----BEGIN CERTIFICATE-----\nnot one\n");

  const auto certificates =
      trusted_certificates(authority.certificate(), std::vector{folder / "roots.pem", folder / "more"});
  write_pem_bundle(folder / "bundle.pem", certificates);
  CHECK(read_file(folder / "bundle.pem") ==
        authority.certificate_pem() + first.certificate_pem() + second.certificate_pem());
  struct stat status {};
  REQUIRE(::stat((folder / "bundle.pem").c_str(), &status) == 0);
  CHECK((status.st_mode & 0777U) == 0644);
}

TEST_CASE("without any base bundle the authority alone is trusted") {
  const auto authority = CertificateAuthority::create_ephemeral();
  CHECK(ders(trusted_certificates(authority.certificate(), {})) ==
        std::vector{certificate_der(authority.certificate())});
}

TEST_CASE("a base bundle that is missing or damaged is an error that names it") {
  const TemporaryFolder folder;
  const auto authority = CertificateAuthority::create_ephemeral();
  const auto trust = [&](const std::filesystem::path& bundle) {
    trusted_certificates(authority.certificate(), std::vector{bundle});
  };
  CHECK_THROWS_AS(trust(folder / "absent.pem"), std::system_error);
  write(folder / "bad.pem", authority.certificate_pem().substr(0, 300));
  try {
    trust(folder / "bad.pem");
    FAIL("accepted");
  } catch (const TlsError& error) {
    CHECK(std::string(error.what()).starts_with((folder / "bad.pem").string()));
  }
}

TEST_CASE("the Java store holds the bundle's certificates, each marked as trusted, under its password") {
  const TemporaryFolder folder;
  const auto authority = CertificateAuthority::create_ephemeral();
  const auto root = CertificateAuthority::create_ephemeral();
  write(folder / "roots.pem", root.certificate_pem());
  const auto certificates = trusted_certificates(authority.certificate(), std::vector{folder / "roots.pem"});
  write_java_trust_store(folder / "trust.p12", certificates, "changeit");

  const std::string content = read_file(folder / "trust.p12");
  const auto* at = reinterpret_cast<const unsigned char*>(content.data());
  const std::unique_ptr<PKCS12, FreeBy<PKCS12_free>> store(d2i_PKCS12(nullptr, &at, static_cast<long>(content.size())));
  REQUIRE(store);
  CHECK(PKCS12_verify_mac(store.get(), "changeit", -1) == 1);
  CHECK(PKCS12_verify_mac(store.get(), "changeme", -1) == 0);
  const std::unique_ptr<STACK_OF(PKCS7),
                        decltype([](STACK_OF(PKCS7) * safes) { sk_PKCS7_pop_free(safes, PKCS7_free); })>
      safes(PKCS12_unpack_authsafes(store.get()));
  REQUIRE(sk_PKCS7_num(safes.get()) == 1);
  const std::unique_ptr<STACK_OF(PKCS12_SAFEBAG), decltype([](STACK_OF(PKCS12_SAFEBAG) * bags) {
                          sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
                        })>
      bags(PKCS12_unpack_p7data(sk_PKCS7_value(safes.get(), 0)));
  REQUIRE(sk_PKCS12_SAFEBAG_num(bags.get()) == 2);
  std::set<std::string> aliases;
  std::vector<std::string> stored;
  const std::unique_ptr<ASN1_OBJECT, FreeBy<ASN1_OBJECT_free>> usage(OBJ_txt2obj("2.16.840.1.113894.746875.1.1", 1));
  for (int i = 0; i < 2; ++i) {
    const PKCS12_SAFEBAG* bag = sk_PKCS12_SAFEBAG_value(bags.get(), i);
    const CertificateHandle certificate(PKCS12_SAFEBAG_get1_cert(bag));
    stored.push_back(certificate_der(certificate.get()));
    const STACK_OF(X509_ATTRIBUTE)* attributes = PKCS12_SAFEBAG_get0_attrs(bag);
    X509_ATTRIBUTE* trusted = X509at_get_attr(attributes, X509at_get_attr_by_OBJ(attributes, usage.get(), -1));
    REQUIRE(trusted != nullptr);
    const ASN1_TYPE* value = X509_ATTRIBUTE_get0_type(trusted, 0);
    REQUIRE(value->type == V_ASN1_OBJECT);
    CHECK(OBJ_obj2nid(value->value.object) == NID_anyExtendedKeyUsage);
    const std::unique_ptr<char, decltype([](char* text) { OPENSSL_free(text); })> alias(
        PKCS12_get_friendlyname(const_cast<PKCS12_SAFEBAG*>(bag)));
    aliases.insert(alias.get());
  }
  CHECK(stored == ders(certificates));
  CHECK(aliases.size() == 2);
  CHECK(aliases.begin()->starts_with("1 iothub-emulator CA "));
}

}  // namespace
}  // namespace iothub::net::tls
