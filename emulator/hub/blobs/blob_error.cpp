#include "emulator/hub/blobs/blob_error.h"

#include <array>
#include <stdexcept>

namespace iothub::hub {
namespace {

struct Row {
  std::string_view name;
  int status;
  std::string_view text;
};

constexpr Row kRows[] = {
#define IOTHUB_BLOB_ERROR(name, status, text) {#name, status, text},
#include "emulator/hub/blobs/blob_error.def"
#undef IOTHUB_BLOB_ERROR
};

const Row& row_of(BlobErrorCode code) {
  return kRows[static_cast<std::size_t>(code)];
}

}  // namespace

std::string_view name_of(BlobErrorCode code) {
  return row_of(code).name;
}

int http_status(BlobErrorCode code) {
  return row_of(code).status;
}

std::string_view text_of(BlobErrorCode code) {
  return row_of(code).text;
}

void throw_exception_from_error(const BlobError& error, const boost::source_location& where) {
  throw std::logic_error("the value of a refused result was taken (" + std::string(name_of(error.code)) + ": " +
                         error.reason + ") at " + where.to_string());
}

}  // namespace iothub::hub
