#pragma once
/// Certificates made on the spot: a CA, what it signs, and so on down.
#include <doctest/doctest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdint>
#include <memory>
#include <string>

namespace iothub::test {

class TestCertificate {
 public:
  /// In date from `from` to `to` (Unix seconds); signed by the issuer, or by itself.
  TestCertificate(const std::string& common_name, bool is_ca, std::int64_t from, std::int64_t to,
                  const TestCertificate* issuer = nullptr)
      : key_(EVP_EC_gen("P-256"), EVP_PKEY_free), certificate_(X509_new(), X509_free) {
    static long serial = 0;
    X509* const made = certificate_.get();
    X509_set_version(made, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made), ++serial);
    ASN1_TIME_set(X509_getm_notBefore(made), from);
    ASN1_TIME_set(X509_getm_notAfter(made), to);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(common_name.data()),
                               static_cast<int>(common_name.size()), -1, 0);
    const TestCertificate& signer = issuer != nullptr ? *issuer : *this;
    X509_set_issuer_name(made, X509_get_subject_name(signer.certificate_.get()));
    X509_set_pubkey(made, key_.get());
    if (is_ca) {
      X509_EXTENSION* const basic = X509V3_EXT_conf_nid(nullptr, nullptr, NID_basic_constraints, "critical,CA:TRUE");
      X509_add_ext(made, basic, -1);
      X509_EXTENSION_free(basic);
    }
    REQUIRE(X509_sign(made, signer.key_.get(), EVP_sha256()) > 0);
  }

  std::string der() const {
    std::string bytes(static_cast<std::size_t>(i2d_X509(certificate_.get(), nullptr)), '\0');
    auto* out = reinterpret_cast<unsigned char*>(bytes.data());
    i2d_X509(certificate_.get(), &out);
    return bytes;
  }

  /// Hexadecimal, in capitals.
  std::string sha1_thumbprint() const {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    REQUIRE(X509_digest(certificate_.get(), EVP_sha1(), digest, &size) == 1);
    std::string hex;
    for (unsigned int i = 0; i < size; ++i) {
      for (const int half : {digest[i] >> 4, digest[i] & 0xF}) hex += "0123456789ABCDEF"[half];
    }
    return hex;
  }

  std::string pem() const {
    return written([&](BIO* bio) { PEM_write_bio_X509(bio, certificate_.get()); });
  }

  std::string key_pem() const {
    return written([&](BIO* bio) { PEM_write_bio_PrivateKey(bio, key_.get(), nullptr, nullptr, 0, nullptr, nullptr); });
  }

 private:
  template <typename Write>
  static std::string written(Write write) {
    const std::unique_ptr<BIO, decltype(&BIO_free_all)> bio(BIO_new(BIO_s_mem()), BIO_free_all);
    write(bio.get());
    std::string text(BIO_ctrl_pending(bio.get()), '\0');
    BIO_read(bio.get(), text.data(), static_cast<int>(text.size()));
    return text;
  }

  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_;
  std::unique_ptr<X509, decltype(&X509_free)> certificate_;
};

}  // namespace iothub::test
