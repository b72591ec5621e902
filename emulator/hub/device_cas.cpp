#include "emulator/hub/device_cas.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <ctime>
#include <new>
#include <stdexcept>

namespace iothub::hub {
namespace {

template <auto Free>
struct FreeBy {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};

void free_certificates(STACK_OF(X509) * certificates) {
  sk_X509_pop_free(certificates, X509_free);
}

using Certificate = std::unique_ptr<X509, FreeBy<X509_free>>;
using Certificates = std::unique_ptr<STACK_OF(X509), FreeBy<free_certificates>>;
using Bio = std::unique_ptr<BIO, FreeBy<BIO_free_all>>;
using Verification = std::unique_ptr<X509_STORE_CTX, FreeBy<X509_STORE_CTX_free>>;

template <class T>
T* made(T* object) {
  if (object == nullptr) throw std::bad_alloc();
  return object;
}

Certificate from_der(const std::string& der) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
  return Certificate(d2i_X509(nullptr, &bytes, static_cast<long>(der.size())));
}

}  // namespace

struct DeviceCas::Store {
  std::unique_ptr<X509_STORE, FreeBy<X509_STORE_free>> x509{made(X509_STORE_new())};
  bool empty = true;
};

DeviceCas::DeviceCas(const std::vector<std::string>& pem_texts) : store_(std::make_unique<Store>()) {
  for (const std::string& pem : pem_texts) {
    const Bio bio(made(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()))));
    bool found = false;
    ERR_clear_error();
    while (const Certificate certificate{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)}) {
      if (X509_check_ca(certificate.get()) == 0) throw std::invalid_argument("it holds a certificate that is no CA's");
      if (X509_STORE_add_cert(store_->x509.get(), certificate.get()) != 1) throw std::bad_alloc();
      found = true;
    }
    const unsigned long end = ERR_peek_last_error();  // the end of the text counts as an error
    const bool read_whole = ERR_GET_LIB(end) == ERR_LIB_PEM && ERR_GET_REASON(end) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    if (!read_whole) throw std::invalid_argument("it holds a damaged certificate");
    if (!found) throw std::invalid_argument("it holds no certificate in PEM");
    store_->empty = false;
  }
}

DeviceCas::~DeviceCas() = default;

Result<void> DeviceCas::verify(std::span<const std::string> chain_der, Timestamp now) const {
  if (store_->empty) return unauthorized("no CA is registered with the hub; --device-ca FILE registers one");
  if (chain_der.empty()) return unauthorized("the client certificate cannot be read");
  const Certificate leaf = from_der(chain_der.front());
  const Certificates others(made(sk_X509_new_null()));
  for (const std::string& der : chain_der.subspan(1)) {
    Certificate other = from_der(der);
    if (other != nullptr && sk_X509_push(others.get(), other.get()) > 0) (void)other.release();
  }
  const Verification verification(made(X509_STORE_CTX_new()));
  if (X509_STORE_CTX_init(verification.get(), store_->x509.get(), leaf.get(), others.get()) != 1)
    throw std::bad_alloc();
  // A registered intermediate is an anchor like a root.
  X509_STORE_CTX_set_flags(verification.get(), X509_V_FLAG_PARTIAL_CHAIN);
  X509_STORE_CTX_set_time(verification.get(), 0, static_cast<std::time_t>(now.unix_seconds()));
  X509_STORE_CTX_set_purpose(verification.get(), X509_PURPOSE_SSL_CLIENT);
  const bool good = X509_verify_cert(verification.get()) == 1;
  ERR_clear_error();
  if (good) return {};
  return unauthorized("the client certificate is not signed by a CA of the hub: " +
                      std::string(X509_verify_cert_error_string(X509_STORE_CTX_get_error(verification.get()))));
}

}  // namespace iothub::hub
