#include "emulator/app/run_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <stdexcept>
#include <system_error>

#include "emulator/net/tls/atomic_file.h"

namespace iothub::app {
namespace {

[[noreturn]] void throw_errno(const std::string& what, const std::filesystem::path& path) {
  throw std::system_error(errno, std::generic_category(), what + ' ' + path.string());
}

/// Whether a running hub holds the file; false when there is no file.
bool is_held(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    if (errno == ENOENT || errno == ENOTDIR) return false;
    throw_errno("cannot read", path);
  }
  const bool held = ::flock(descriptor, LOCK_SH | LOCK_NB) != 0;
  ::close(descriptor);
  return held;
}

bool write_all(int descriptor, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = ::write(descriptor, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

/// The file, held from before it has its name on.
int write_held(const std::filesystem::path& path, const RunningHub& hub) {
  nlohmann::ordered_json json = to_json(hub);
  json["pid"] = ::getpid();
  // Locked before it gets its name, so that nobody ever takes it for stale.
  std::string temporary = path.string() + ".XXXXXX";
  const int descriptor = ::mkostemp(temporary.data(), O_CLOEXEC);
  if (descriptor < 0) throw_errno("cannot create", path);
  if (!write_all(descriptor, json.dump() + "\n") || ::flock(descriptor, LOCK_EX | LOCK_NB) != 0 ||
      ::rename(temporary.c_str(), path.c_str()) != 0) {
    const int error = errno;
    ::unlink(temporary.c_str());
    ::close(descriptor);
    errno = error;
    throw_errno("cannot write", path);
  }
  return descriptor;
}

}  // namespace

std::filesystem::path run_file_path(const std::filesystem::path& folder) {
  return folder / "running.json";
}

RunFile::RunFile(std::filesystem::path path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}

std::unique_ptr<RunFile> RunFile::publish(const std::filesystem::path& folder, const RunningHub& hub) {
  const std::filesystem::path path = run_file_path(folder);
  if (is_held(path)) return nullptr;
  return std::unique_ptr<RunFile>(new RunFile(path, write_held(path, hub)));
}

void RunFile::replace(const RunningHub& hub) {
  const int descriptor = write_held(path_, hub);
  ::close(descriptor_);
  descriptor_ = descriptor;
}

RunFile::~RunFile() {
  struct stat ours {};
  struct stat there {};
  if (::fstat(descriptor_, &ours) == 0 && ::stat(path_.c_str(), &there) == 0 && ours.st_dev == there.st_dev &&
      ours.st_ino == there.st_ino) {
    ::unlink(path_.c_str());
  }
  ::close(descriptor_);
}

std::optional<RunningHub> find_running_hub(const std::filesystem::path& folder) {
  const std::filesystem::path path = run_file_path(folder);
  if (!is_held(path)) return std::nullopt;
  try {
    return running_hub_from_json(nlohmann::ordered_json::parse(net::tls::read_file(path)));
  } catch (const nlohmann::json::exception& error) {
    throw std::runtime_error("cannot understand " + path.string() + ": " + error.what());
  }
}

}  // namespace iothub::app
