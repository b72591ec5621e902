#include "emulator/hub/blobs/md5.h"

#include <openssl/evp.h>

#include <array>
#include <new>
#include <span>

#include "protocol/text/base64.h"

namespace iothub::hub {

void Md5::Free::operator()(evp_md_ctx_st* context) const {
  EVP_MD_CTX_free(context);
}

Md5::Md5() : context_(EVP_MD_CTX_new()) {
  if (context_ == nullptr || EVP_DigestInit_ex(context_.get(), EVP_md5(), nullptr) != 1) throw std::bad_alloc();
}

void Md5::append(std::string_view bytes) {
  EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size());
}

std::string Md5::base64() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned int size = 0;
  EVP_DigestFinal_ex(context_.get(), digest.data(), &size);
  return text::base64_encode(std::as_bytes(std::span(digest.data(), size)));
}

}  // namespace iothub::hub
