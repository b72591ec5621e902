#pragma once
/// What the storage service refuses; its codes are words, unlike the hub's (documentation: Blob Storage error codes).
#include <boost/system/result.hpp>
#include <cstdint>
#include <string>
#include <string_view>

namespace iothub::hub {

enum class BlobErrorCode : std::uint8_t {
#define IOTHUB_BLOB_ERROR(name, status, text) name,
#include "emulator/hub/blobs/blob_error.def"
#undef IOTHUB_BLOB_ERROR
};

/// `BlobNotFound`: what stands in the x-ms-error-code header.
std::string_view name_of(BlobErrorCode code);
int http_status(BlobErrorCode code);
std::string_view text_of(BlobErrorCode code);

struct BlobError {
  BlobErrorCode code{};
  std::string reason;  ///< for our log; never a key or a signature
};

template <typename T = void>
using BlobResult = boost::system::result<T, BlobError>;

/// value() of a refused result is a bug of ours: it throws std::logic_error.
[[noreturn]] void throw_exception_from_error(const BlobError& error, const boost::source_location& where);

}  // namespace iothub::hub
