#include "emulator/net/tls/trust_store.h"

#include <openssl/pkcs12.h>

#include <algorithm>
#include <array>
#include <set>

#include "emulator/net/tls/atomic_file.h"

namespace iothub::net::tls {
namespace {

using BagHandle = std::unique_ptr<PKCS12_SAFEBAG, FreeBy<PKCS12_SAFEBAG_free>>;
using ObjectHandle = std::unique_ptr<ASN1_OBJECT, FreeBy<ASN1_OBJECT_free>>;
using Pkcs12Handle = std::unique_ptr<PKCS12, FreeBy<PKCS12_free>>;
using Pkcs7Handle = std::unique_ptr<PKCS7, FreeBy<PKCS7_free>>;
using BagsHandle = std::unique_ptr<STACK_OF(PKCS12_SAFEBAG), decltype([](STACK_OF(PKCS12_SAFEBAG) * bags) {
                                     sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
                                   })>;
using SafesHandle =
    std::unique_ptr<STACK_OF(PKCS7), decltype([](STACK_OF(PKCS7) * safes) { sk_PKCS7_pop_free(safes, PKCS7_free); })>;

// Where distributions keep their roots as one file.
constexpr std::array kSystemBundles = {
    "/etc/ssl/certs/ca-certificates.crt",                 // Debian, Ubuntu, Arch, Gentoo
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  // Fedora, RHEL
    "/etc/ssl/ca-bundle.pem",                             // openSUSE
    "/etc/ssl/cert.pem",                                  // Alpine, macOS, BSD
};

// Java lists a certificate without private key only if its bag says what it is trusted for: Oracle's attribute
// "trusted key usage" (see sun.security.pkcs12.PKCS12KeyStore in OpenJDK), here "any extended key usage".
constexpr const char* kTrustedKeyUsage = "2.16.840.1.113894.746875.1.1";
constexpr const char* kAnyExtendedKeyUsage = "2.5.29.37.0";
constexpr int kMacIterations = 10000;  // Java's own default

bool is_certificate_file(const std::filesystem::path& file) {
  const std::string extension = file.extension().string();
  if (extension == ".pem" || extension == ".crt" || extension == ".cer") return true;
  return extension.size() > 1 &&
         std::all_of(extension.begin() + 1, extension.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::vector<std::filesystem::path> bundle_files(const std::filesystem::path& bundle) {
  if (!std::filesystem::is_directory(bundle)) return {bundle};
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(bundle))
    if (entry.is_regular_file() && is_certificate_file(entry.path())) files.push_back(entry.path());
  std::sort(files.begin(), files.end());  // the file system's order differs from run to run
  return files;
}

/// Java's key store is a map by alias, so each needs its own.
BagHandle java_bag(X509* certificate, std::size_t number, ASN1_OBJECT* any_usage) {
  BagHandle bag(checked(PKCS12_SAFEBAG_create_cert(certificate), "no memory for a trust store"));
  const std::string alias = std::to_string(number) + ' ' + common_name(X509_get_subject_name(certificate));
  check(PKCS12_add_friendlyname_utf8(bag.get(), alias.data(), static_cast<int>(alias.size())),
        "cannot name a trust store's entry");
  // Length -1 makes OpenSSL take the value as a typed object (here an ASN1_OBJECT) instead of as bytes.
  check(PKCS12_add1_attr_by_txt(bag.get(), kTrustedKeyUsage, V_ASN1_OBJECT,
                                reinterpret_cast<const unsigned char*>(any_usage), -1),
        "cannot mark a trust store's entry as trusted");
  return bag;
}

}  // namespace

std::vector<std::filesystem::path> base_bundles(std::string_view ssl_cert_file, std::string_view requests_ca_bundle) {
  std::vector<std::filesystem::path> bundles;
  if (!ssl_cert_file.empty()) bundles.emplace_back(ssl_cert_file);
  if (!requests_ca_bundle.empty() && requests_ca_bundle != ssl_cert_file) bundles.emplace_back(requests_ca_bundle);
  if (!bundles.empty()) return bundles;
  for (const char* bundle : kSystemBundles)
    if (std::filesystem::exists(bundle)) return {bundle};
  return {};
}

std::vector<CertificateHandle> trusted_certificates(X509* authority, std::span<const std::filesystem::path> bundles) {
  std::vector<CertificateHandle> certificates;
  std::set<std::string> seen;
  X509_up_ref(authority);
  certificates.emplace_back(authority);
  seen.insert(certificate_der(authority));
  for (const std::filesystem::path& bundle : bundles)
    for (const std::filesystem::path& file : bundle_files(bundle))
      for (CertificateHandle& certificate : certificates_from_pem(read_file(file), file.string()))
        if (seen.insert(certificate_der(certificate.get())).second) certificates.push_back(std::move(certificate));
  return certificates;
}

void write_pem_bundle(const std::filesystem::path& path, std::span<const CertificateHandle> certificates) {
  std::string pem;
  for (const CertificateHandle& certificate : certificates) pem += certificate_to_pem(certificate.get());
  write_file_atomically(path, pem, 0644);
}

void write_java_trust_store(const std::filesystem::path& path, std::span<const CertificateHandle> certificates,
                            const std::string& password) {
  const ObjectHandle any_usage(checked(OBJ_txt2obj(kAnyExtendedKeyUsage, 1), "no memory for a trust store"));
  const BagsHandle bags(checked(sk_PKCS12_SAFEBAG_new_null(), "no memory for a trust store"));
  for (std::size_t i = 0; i < certificates.size(); ++i) {
    BagHandle bag = java_bag(certificates[i].get(), i + 1, any_usage.get());
    if (sk_PKCS12_SAFEBAG_push(bags.get(), bag.get()) <= 0) throw_openssl_error("no memory for a trust store");
    static_cast<void>(bag.release());  // the stack owns it now
  }
  Pkcs7Handle safe(checked(PKCS12_pack_p7data(bags.get()), "cannot pack a trust store"));
  const SafesHandle safes(checked(sk_PKCS7_new_null(), "no memory for a trust store"));
  if (sk_PKCS7_push(safes.get(), safe.get()) <= 0) throw_openssl_error("no memory for a trust store");
  static_cast<void>(safe.release());  // the stack owns it now

  const Pkcs12Handle store(checked(PKCS12_add_safes(safes.get(), NID_pkcs7_data), "cannot pack a trust store"));
  check(PKCS12_set_mac(store.get(), password.data(), static_cast<int>(password.size()), nullptr, 0, kMacIterations,
                       EVP_sha256()),
        "cannot seal a trust store");
  unsigned char* der = nullptr;
  const int size = i2d_PKCS12(store.get(), &der);
  if (size <= 0) throw_openssl_error("cannot encode a trust store");
  const std::string content(der, der + size);
  OPENSSL_free(der);
  write_file_atomically(path, content, 0644);
}

}  // namespace iothub::net::tls
