#include "storage/database_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "storage/store.h"

namespace iothub::storage {
namespace {

std::string holder(int descriptor) {
  std::array<char, 20> digits{};
  const ssize_t size = ::pread(descriptor, digits.data(), digits.size(), 0);
  if (size <= 0) return {};
  return " (process " + std::string(digits.data(), static_cast<std::size_t>(size)) + ")";
}

}  // namespace

DatabaseLock::DatabaseLock(const std::string& database_path) {
  const std::string path = database_path + ".lock";
  descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor_ < 0) {
    const int reason = errno;
    throw Error(database_path + ": cannot open: " + path + ": " + std::generic_category().message(reason) +
                "; the data folder must exist and be writable");
  }
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
    const int reason = errno;
    const std::string by = holder(descriptor_);
    ::close(descriptor_);
    if (reason == EWOULDBLOCK) {
      throw Error(database_path + " is in use by another emulator" + by + "; stop it or choose another data folder");
    }
    throw Error(path + ": cannot lock: " + std::generic_category().message(reason));
  }
  // Only for the message above: a disk too full for these digits is no reason to refuse.
  const std::string process = std::to_string(::getpid());
  if (::ftruncate(descriptor_, 0) == 0) {
    [[maybe_unused]] const ssize_t written = ::pwrite(descriptor_, process.data(), process.size(), 0);
  }
}

DatabaseLock::~DatabaseLock() {
  ::close(descriptor_);
}

}  // namespace iothub::storage
