#include "storage/blob_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "storage/store.h"

namespace iothub::storage {
namespace {

[[noreturn]] void fail(const char* what, const std::filesystem::path& file) {
  throw Error(std::string(what) + " " + file.string() + ": " + std::strerror(errno));
}

void sync_folder(const std::filesystem::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) fail("cannot open the folder", folder);
  const int failed = ::fsync(descriptor);
  ::close(descriptor);
  if (failed != 0) fail("cannot bring to the disk", folder);
}

}  // namespace

BlobFiles::Writer::Writer(std::filesystem::path folder, std::string name, bool durable)
    : folder_(std::move(folder)), name_(std::move(name)), durable_(durable) {
  file_ = ::open(unfinished().c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file_ < 0) fail("cannot make", unfinished());
}

BlobFiles::Writer::~Writer() {
  if (file_ < 0) return;
  ::close(file_);
  ::unlink(unfinished().c_str());
}

void BlobFiles::Writer::append(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("cannot write to", unfinished());
    size_ += written;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

void BlobFiles::Writer::finish() {
  if (durable_ && ::fsync(file_) != 0) fail("cannot bring to the disk", unfinished());
  if (::rename(unfinished().c_str(), (folder_ / name_).c_str()) != 0) fail("cannot rename", unfinished());
  ::close(std::exchange(file_, -1));
  if (durable_) sync_folder(folder_);
}

BlobFiles::Reader::Reader(const std::filesystem::path& file) : file_(::open(file.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (file_ < 0) fail("cannot open", file);
}

BlobFiles::Reader::~Reader() {
  ::close(file_);
}

void BlobFiles::Reader::read(std::int64_t offset, std::size_t size, std::string& out) const {
  const std::size_t before = out.size();
  out.resize(before + size);
  std::size_t filled = 0;
  while (filled < size) {
    const ssize_t got =
        ::pread(file_, out.data() + before + filled, size - filled, offset + static_cast<std::int64_t>(filled));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      out.resize(before);
      throw Error(std::string("a blob's file cannot be read: ") +
                  (got == 0 ? "it is too short" : std::strerror(errno)));
    }
    filled += static_cast<std::size_t>(got);
  }
}

BlobFiles::BlobFiles(std::filesystem::path folder, bool durable)
    : folder_(std::move(folder)), durable_(durable), made_(durable) {
  if (made_) make_folder();
}

void BlobFiles::make_folder() const {
  std::error_code error;
  if (std::filesystem::create_directories(folder_, error)) {
    std::filesystem::permissions(folder_, std::filesystem::perms::owner_all, error);
  }
  if (error) throw Error("cannot make the folder " + folder_.string() + ": " + error.message());
}

std::unique_ptr<BlobFiles::Writer> BlobFiles::create(std::string name) {
  if (!made_) make_folder();
  made_ = true;
  return std::make_unique<Writer>(folder_, std::move(name), durable_);
}

std::unique_ptr<BlobFiles::Reader> BlobFiles::open(const std::string& name) const {
  return std::make_unique<Reader>(path(name));
}

void BlobFiles::remove(const std::string& name) const noexcept {
  ::unlink((folder_ / name).c_str());
}

void BlobFiles::remove_all_but(const std::set<std::string>& names) const {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder_, error)) {
    if (!names.contains(entry.path().filename().string())) remove(entry.path().filename().string());
  }
}

}  // namespace iothub::storage
