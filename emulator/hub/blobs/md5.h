#pragma once
/// MD5 as the storage service uses it: against damage on the way, not against anybody (RFC 1864).
#include <memory>
#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace iothub::hub {

class Md5 {
 public:
  Md5();
  void append(std::string_view bytes);
  /// Base64 of the 16 bytes; ends the count.
  std::string base64();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

}  // namespace iothub::hub
