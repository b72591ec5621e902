#include "emulator/net/tls/openssl.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <array>
#include <climits>
#include <ctime>

namespace iothub::net::tls {

void throw_openssl_error(std::string_view what) {
  std::string text(what);
  for (unsigned long code = ERR_get_error(); code != 0; code = ERR_get_error()) {
    std::array<char, 256> line{};
    ERR_error_string_n(code, line.data(), line.size());
    text += ": ";
    text += line.data();
  }
  throw TlsError(text);
}

std::string certificate_der(const X509* certificate) {
  unsigned char* der = nullptr;
  const int size = certificate == nullptr ? 0 : i2d_X509(certificate, &der);
  const std::unique_ptr<unsigned char, decltype([](unsigned char* bytes) { OPENSSL_free(bytes); })> owner(der);
  return size > 0 ? std::string(der, der + size) : std::string();
}

std::string certificate_to_pem(const X509* certificate) {
  const BioHandle bio(checked(BIO_new(BIO_s_mem()), "no memory for a certificate"));
  check(PEM_write_bio_X509(bio.get(), certificate), "a certificate cannot be written as PEM");
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return std::string(text, static_cast<std::size_t>(size));
}

std::vector<CertificateHandle> certificates_from_pem(std::string_view pem, std::string_view source) {
  if (pem.size() > INT_MAX) throw TlsError(std::string(source) + " is too large for a certificate file");
  const BioHandle bio(
      checked(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), "no memory for a certificate file"));
  std::vector<CertificateHandle> certificates;
  ERR_clear_error();
  // The AUX reader also takes OpenSSL's own "TRUSTED CERTIFICATE" blocks.
  while (X509* certificate = PEM_read_bio_X509_AUX(bio.get(), nullptr, nullptr, nullptr))
    certificates.emplace_back(certificate);
  const unsigned long error = ERR_peek_last_error();
  if (ERR_GET_LIB(error) != ERR_LIB_PEM || ERR_GET_REASON(error) != PEM_R_NO_START_LINE)
    throw_openssl_error(std::string(source) + " holds a damaged certificate");
  ERR_clear_error();
  return certificates;
}

std::chrono::sys_seconds time_point(const ASN1_TIME* time) {
  std::tm parts{};
  check(ASN1_TIME_to_tm(time, &parts), "a certificate carries an unreadable time");
  using namespace std::chrono;
  const sys_days day = year(parts.tm_year + 1900) / month(static_cast<unsigned>(parts.tm_mon + 1)) /
                       std::chrono::day(static_cast<unsigned>(parts.tm_mday));
  return day + hours(parts.tm_hour) + minutes(parts.tm_min) + seconds(parts.tm_sec);
}

std::string common_name(const X509_NAME* name) {
  const int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
  if (at < 0) return {};
  unsigned char* utf8 = nullptr;
  const int size = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
  const std::unique_ptr<unsigned char, decltype([](unsigned char* bytes) { OPENSSL_free(bytes); })> owner(utf8);
  if (size < 0) ERR_clear_error();
  return size > 0 ? std::string(utf8, utf8 + size) : std::string();
}

}  // namespace iothub::net::tls
