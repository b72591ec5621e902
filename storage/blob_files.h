#pragma once
/// The contents of blobs: files in one folder, each written once. What a file is, the store's documents say.
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <string_view>

namespace iothub::storage {

class BlobFiles {
 public:
  class Writer {
   public:
    Writer(std::filesystem::path folder, std::string name, bool durable);
    /// Removes what was not finished.
    ~Writer();
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

    /// Throws Error: the disk is full, say.
    void append(std::string_view bytes);
    /// Gives the file its name; with durable, content and name are on the disk then. Blocks; may run on another thread
    /// while nobody else uses the writer. Throws Error.
    void finish();

    const std::string& name() const { return name_; }
    std::int64_t size() const { return size_; }

   private:
    std::filesystem::path unfinished() const { return folder_ / (name_ + ".part"); }

    const std::filesystem::path folder_;
    const std::string name_;
    const bool durable_;
    int file_ = -1;
    std::int64_t size_ = 0;
  };

  class Reader {
   public:
    explicit Reader(const std::filesystem::path& file);
    ~Reader();
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;

    /// Appends `size` bytes from `offset` on. Throws Error, also when the file is shorter.
    void read(std::int64_t offset, std::size_t size, std::string& out) const;

   private:
    int file_ = -1;
  };

  /// Makes the folder, for its user only. Without `durable` nothing is brought to the disk, for the folder ends with
  /// the process, and it is made with its first file. Throws Error.
  BlobFiles(std::filesystem::path folder, bool durable);

  /// A new file under a name that none has had. Throws Error.
  std::unique_ptr<Writer> create(std::string name);
  /// Throws Error.
  std::unique_ptr<Reader> open(const std::string& name) const;
  std::filesystem::path path(const std::string& name) const { return folder_ / name; }
  /// One that is not there, or cannot go, is left to the next start.
  void remove(const std::string& name) const noexcept;
  /// What a crash left behind.
  void remove_all_but(const std::set<std::string>& names) const;

 private:
  void make_folder() const;

  const std::filesystem::path folder_;
  const bool durable_;
  bool made_;
};

}  // namespace iothub::storage
