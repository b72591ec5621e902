#include "emulator/net/tls/certificate_authority.h"

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <utility>

#include "emulator/net/tls/atomic_file.h"

namespace iothub::net::tls {
namespace {

using namespace std::chrono_literals;
using Time = CertificateAuthority::Time;

using KeyContextHandle = std::unique_ptr<EVP_PKEY_CTX, FreeBy<EVP_PKEY_CTX_free>>;
using BignumHandle = std::unique_ptr<BIGNUM, FreeBy<BN_free>>;
using ExtensionHandle = std::unique_ptr<X509_EXTENSION, FreeBy<X509_EXTENSION_free>>;
using GeneralNameHandle = std::unique_ptr<GENERAL_NAME, FreeBy<GENERAL_NAME_free>>;
using GeneralNamesHandle = std::unique_ptr<GENERAL_NAMES, FreeBy<GENERAL_NAMES_free>>;
using OctetStringHandle = std::unique_ptr<ASN1_OCTET_STRING, FreeBy<ASN1_OCTET_STRING_free>>;

constexpr auto kBackdating = 24h;  // a client in a container or on a board may have a clock that is late
constexpr auto kAuthorityLifetime = 24h * 3652;
constexpr auto kLeafLifetime = 24h * 397;
constexpr std::size_t kMaxCommonName = 64;  // ub-common-name, RFC 5280 appendix A
constexpr std::size_t kMaxDnsName = 253;

/// Called by OpenSSL between two candidates for a prime; 0 gives up.
int goes_on(EVP_PKEY_CTX* context) {
  return static_cast<const std::stop_token*>(EVP_PKEY_CTX_get_app_data(context))->stop_requested() ? 0 : 1;
}

KeyHandle generate_rsa_key(std::stop_token stop) {
  const KeyContextHandle context(checked(EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, nullptr), "cannot make an RSA key"));
  check(EVP_PKEY_keygen_init(context.get()), "cannot make an RSA key");
  check(EVP_PKEY_CTX_set_rsa_keygen_bits(context.get(), 2048), "cannot make an RSA key");
  EVP_PKEY_CTX_set_app_data(context.get(), &stop);
  EVP_PKEY_CTX_set_cb(context.get(), goes_on);
  EVP_PKEY* key = nullptr;
  check(EVP_PKEY_generate(context.get(), &key), "cannot make an RSA key");
  return KeyHandle(key);
}

KeyHandle generate_key(KeyType type, const std::stop_token& stop = {}) {
  switch (type) {
    case KeyType::ec_p256:
      return KeyHandle(checked(EVP_EC_gen("P-256"), "cannot make an EC key"));
    case KeyType::rsa_2048:
      return generate_rsa_key(stop);
  }
  throw std::invalid_argument("unknown key type");
}

/// A random number of 128 bits with the top bit clear and the next one set: positive, and of one length.
void set_random_serial(X509* certificate) {
  std::array<unsigned char, 16> bytes{};
  check(RAND_bytes(bytes.data(), static_cast<int>(bytes.size())), "no random bytes");
  bytes[0] = static_cast<unsigned char>((bytes[0] & 0x7FU) | 0x40U);
  const BignumHandle number(
      checked(BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr), "no memory for a serial number"));
  checked(BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)), "cannot set a serial number");
}

void set_time(ASN1_TIME* field, Time time) {
  checked(ASN1_TIME_set(field, std::chrono::system_clock::to_time_t(time)), "cannot set a certificate's validity");
}

void add_extension(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context{};
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const ExtensionHandle extension(
      checked(X509V3_EXT_conf_nid(nullptr, &context, nid, value), "cannot make a certificate extension"));
  check(X509_add_ext(certificate, extension.get(), -1), "cannot add a certificate extension");
}

void set_common_name(X509* certificate, const std::string& name) {
  check(X509_NAME_add_entry_by_NID(X509_get_subject_name(certificate), NID_commonName, MBSTRING_UTF8,
                                   reinterpret_cast<const unsigned char*>(name.data()), static_cast<int>(name.size()),
                                   -1, 0),
        "cannot set a certificate's subject");
}

CertificateHandle blank_certificate(EVP_PKEY* key, Time not_before, Time not_after) {
  CertificateHandle certificate(checked(X509_new(), "no memory for a certificate"));
  check(X509_set_version(certificate.get(), X509_VERSION_3), "cannot set a certificate's version");
  set_random_serial(certificate.get());
  set_time(X509_getm_notBefore(certificate.get()), not_before);
  set_time(X509_getm_notAfter(certificate.get()), not_after);
  check(X509_set_pubkey(certificate.get(), key), "cannot set a certificate's key");
  return certificate;
}

void sign(X509* certificate, EVP_PKEY* key) {
  if (X509_sign(certificate, key, EVP_sha256()) <= 0) throw_openssl_error("cannot sign a certificate");
}

/// Eight hex digits of the key's hash: tells authorities of several machines apart, and the same key always gets the
/// same name, so that a certificate made again for a kept key takes the place of the first one.
std::string authority_name(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  if (size <= 0) throw_openssl_error("cannot encode the authority's key");
  std::array<unsigned char, SHA256_DIGEST_LENGTH> hash{};
  SHA256(der, static_cast<std::size_t>(size), hash.data());
  OPENSSL_free(der);
  std::string name = "iothub-emulator CA ";
  constexpr std::string_view kHex = "0123456789abcdef";
  for (const unsigned char byte : std::span(hash).first<4>()) {
    name += kHex[byte >> 4U];
    name += kHex[byte & 15U];
  }
  return name;
}

CertificateHandle make_authority_certificate(EVP_PKEY* key, Time now) {
  CertificateHandle certificate = blank_certificate(key, now - kBackdating, now + kAuthorityLifetime);
  set_common_name(certificate.get(), authority_name(key));
  check(X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate.get())),
        "cannot set a certificate's issuer");
  // Python 3.13 verifies with X509_V_FLAG_X509_STRICT, which wants exactly these of a root (RFC 5280 section 4.2.1).
  add_extension(certificate.get(), certificate.get(), NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
  add_extension(certificate.get(), certificate.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
  add_extension(certificate.get(), certificate.get(), NID_subject_key_identifier, "hash");
  add_extension(certificate.get(), certificate.get(), NID_authority_key_identifier, "keyid:always");
  sign(certificate.get(), key);
  return certificate;
}

std::string key_to_pem(EVP_PKEY* key) {
  const BioHandle bio(checked(BIO_new(BIO_s_secmem()), "no memory for a key"));
  check(PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr),
        "a key cannot be written as PEM");
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return std::string(text, static_cast<std::size_t>(size));
}

KeyHandle read_key(const std::filesystem::path& file) {
  const std::string pem = read_file(file);
  const BioHandle bio(checked(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), "no memory for a key"));
  // An encrypted key must not stop the start with a question on the terminal.
  const auto no_password = [](char*, int, int, void*) { return -1; };
  KeyHandle key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr));
  if (!key) throw_openssl_error(file.string() + " is not an unencrypted private key in PEM form");
  return key;
}

CertificateHandle read_authority_certificate(const std::filesystem::path& file, EVP_PKEY* key,
                                             const std::filesystem::path& key_file, Time now) {
  std::vector<CertificateHandle> certificates = certificates_from_pem(read_file(file), file.string());
  if (certificates.size() != 1)
    throw TlsError(file.string() + " must hold exactly one certificate, but holds " +
                   std::to_string(certificates.size()));
  CertificateHandle certificate = std::move(certificates.front());
  if (X509_check_private_key(certificate.get(), key) != 1) {
    ERR_clear_error();
    throw TlsError(key_file.string() + " is not the key of the certificate in " + file.string());
  }
  if (X509_check_ca(certificate.get()) != 1) throw TlsError(file.string() + " is not a CA certificate");
  if (time_point(X509_get0_notAfter(certificate.get())) <= now)
    throw TlsError(file.string() + " has expired; remove it and " + key_file.string() +
                   " to get a new one, then let the clients trust that");
  return certificate;
}

void make_private_folder(const std::filesystem::path& folder) {
  if (std::filesystem::is_directory(folder)) return;
  if (folder.has_parent_path()) std::filesystem::create_directories(folder.parent_path());
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    throw std::filesystem::filesystem_error("cannot create the CA folder", folder,
                                            std::error_code(errno, std::generic_category()));
}

void add_name(GENERAL_NAMES* names, const std::string& name) {
  GeneralNameHandle entry(checked(GENERAL_NAME_new(), "no memory for a name"));
  if (OctetStringHandle address(a2i_IPADDRESS(name.c_str())); address) {
    GENERAL_NAME_set0_value(entry.get(), GEN_IPADD, address.release());
  } else {
    ERR_clear_error();
    const auto is_name_character = [](char c) { return c > ' ' && c < 127 && c != ':' && c != '/'; };
    if (name.empty() || name.size() > kMaxDnsName || !std::all_of(name.begin(), name.end(), is_name_character))
      throw std::invalid_argument("'" + name + "' is neither a host name nor an IP address");
    std::unique_ptr<ASN1_IA5STRING, FreeBy<ASN1_IA5STRING_free>> text(
        checked(ASN1_IA5STRING_new(), "no memory for a name"));
    check(ASN1_STRING_set(text.get(), name.data(), static_cast<int>(name.size())), "no memory for a name");
    GENERAL_NAME_set0_value(entry.get(), GEN_DNS, text.release());
  }
  if (sk_GENERAL_NAME_push(names, entry.get()) <= 0) throw_openssl_error("no memory for a name");
  static_cast<void>(entry.release());  // the stack owns it now
}

}  // namespace

CertificateAuthority::CertificateAuthority(KeyHandle key, CertificateHandle certificate, std::filesystem::path file)
    : key_(std::move(key)),
      certificate_(std::move(certificate)),
      pem_(certificate_to_pem(certificate_.get())),
      file_(std::move(file)) {}

CertificateAuthority CertificateAuthority::load_or_create(const std::filesystem::path& folder, Time now) {
  // lexically_normal drops a trailing slash's empty last part only together with it, so ask for the folder by its
  // files.
  const std::filesystem::path file = std::filesystem::absolute(folder / "ca.pem").lexically_normal();
  const std::filesystem::path key_file = file.parent_path() / "ca.key";
  const auto load = [&] {
    if (!std::filesystem::exists(key_file)) throw TlsError(key_file.string() + " is missing beside " + file.string());
    KeyHandle key = read_key(key_file);
    CertificateHandle certificate = read_authority_certificate(file, key.get(), key_file, now);
    return CertificateAuthority(std::move(key), std::move(certificate), file);
  };
  // The certificate is written last: where it is, the pair is complete and no lock is needed.
  if (std::filesystem::exists(file)) return load();

  make_private_folder(file.parent_path());
  const FileLock lock(file.parent_path() / "ca.lock");
  if (std::filesystem::exists(file)) return load();
  KeyHandle key;
  if (std::filesystem::exists(key_file)) {
    key = read_key(key_file);
  } else {
    key = generate_key(KeyType::ec_p256);
    write_file_atomically(key_file, key_to_pem(key.get()), 0600);
  }
  const CertificateHandle certificate = make_authority_certificate(key.get(), now);
  write_file_atomically(file, certificate_to_pem(certificate.get()), 0644);
  return load();
}

CertificateAuthority CertificateAuthority::create_ephemeral(Time now) {
  KeyHandle key = generate_key(KeyType::ec_p256);
  CertificateHandle certificate = make_authority_certificate(key.get(), now);
  return CertificateAuthority(std::move(key), std::move(certificate), {});
}

Leaf CertificateAuthority::mint_leaf(std::span<const std::string> names, KeyType key_type, Time now,
                                     const std::stop_token& stop) const {
  if (names.empty()) throw std::invalid_argument("a server certificate needs at least one name");
  const GeneralNamesHandle alternative_names(checked(GENERAL_NAMES_new(), "no memory for names"));
  for (const std::string& name : names) add_name(alternative_names.get(), name);

  Leaf leaf{generate_key(key_type, stop), nullptr};
  const Time not_before = now - kBackdating;
  const Time not_after =
      std::min<Time>(not_before + kLeafLifetime - 1s, time_point(X509_get0_notAfter(certificate_.get())));
  leaf.certificate = blank_certificate(leaf.key.get(), not_before, not_after);
  X509* certificate = leaf.certificate.get();
  const bool has_subject = names.front().size() <= kMaxCommonName;
  if (has_subject) set_common_name(certificate, names.front());
  check(X509_set_issuer_name(certificate, X509_get_subject_name(certificate_.get())),
        "cannot set a certificate's issuer");
  add_extension(certificate, certificate_.get(), NID_basic_constraints, "critical,CA:FALSE");
  // Key encipherment is for the RSA key exchange; an EC key has no such use.
  add_extension(
      certificate, certificate_.get(), NID_key_usage,
      key_type == KeyType::rsa_2048 ? "critical,digitalSignature,keyEncipherment" : "critical,digitalSignature");
  add_extension(certificate, certificate_.get(), NID_ext_key_usage, "serverAuth");
  add_extension(certificate, certificate_.get(), NID_subject_key_identifier, "hash");
  add_extension(certificate, certificate_.get(), NID_authority_key_identifier, "keyid:always");
  // Without a subject the names must be critical (RFC 5280 section 4.2.1.6).
  check(X509_add1_ext_i2d(certificate, NID_subject_alt_name, alternative_names.get(), has_subject ? 0 : 1,
                          X509V3_ADD_APPEND),
        "cannot add a certificate's names");
  sign(certificate, key_.get());
  return leaf;
}

}  // namespace iothub::net::tls
