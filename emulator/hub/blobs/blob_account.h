#pragma once
/// The storage account built into the hub: containers of block blobs, kept as documents of the store beside files that
/// hold the content (documentation: Blob Storage REST API; Understanding block blobs).
///
/// A write belongs to the hub's open transaction. What it makes superfluous is removed from the disk after the commit;
/// what a crash left superfluous, at the next start.
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/hub/background.h"
#include "emulator/hub/blobs/blob.h"
#include "emulator/hub/blobs/blob_access.h"
#include "emulator/hub/blobs/blob_error.h"
#include "emulator/hub/clock.h"
#include "emulator/hub/uploads.h"
#include "storage/blob_files.h"

namespace iothub::storage {
class Store;
}

namespace iothub::hub {

inline constexpr const char* kUploadContainer = "uploads";
inline constexpr std::size_t kMaxBlocks = 50'000;  // Understanding block blobs
/// The name and key that every storage emulator has: published, like the hub's own keys.
BlobAccountKey built_in_account();

struct BlobAccountOptions {
  std::filesystem::path folder;
  bool durable = true;  ///< false: the folder ends with the process
  BlobAccountKey key = built_in_account();
  std::uint16_t port = 443;  ///< of the hub's HTTPS: tells its container URIs from those of another storage beside it
};

/// When a write may happen; checked against what is there.
struct BlobConditions {
  std::string if_match, if_none_match;  ///< as in the headers; `*` too
  std::optional<Timestamp> if_modified_since, if_unmodified_since;
};

/// A block that a block list names, and where it is looked for.
struct BlockChoice {
  enum class From : std::uint8_t { committed, uncommitted, latest };
  std::string id;
  From from = From::latest;
};

class BlobAccount final : public BlobStorage {
 public:
  /// The rest must outlive the account. Throws storage::Error.
  BlobAccount(BlobAccountOptions options, storage::Store& store, const Clock& clock, RandomSource& random);

  const std::string& name() const { return options_.key.account; }
  std::uint16_t port() const { return options_.port; }
  const BlobAccountKey& key() const { return options_.key; }
  Timestamp now() const { return clock_.now(); }

  // Of the hub's uploads.
  BlobGrant grant(const std::string& blob_name, Timestamp expiry, const std::string& client_host) override;
  void properties(const std::string& blob_name, std::function<void(std::optional<BlobProperties>)> answer) override;

  /// A file for content that arrives; give its name to put() or put_block() once it is finished.
  std::unique_ptr<storage::BlobFiles::Writer> new_file();
  const storage::BlobFiles& files() const { return files_; }

  std::vector<BlobContainer> containers() const;
  BlobResult<BlobContainer> container(const std::string& name) const;
  BlobResult<BlobContainer> create_container(const std::string& name, NamedValues metadata);
  BlobResult<> remove_container(const std::string& name);

  /// By name.
  BlobResult<std::vector<Blob>> blobs(const std::string& container) const;
  /// Refuses with ContainerNotFound or BlobNotFound, ConditionNotMet.
  BlobResult<Blob> blob(const std::string& container, const std::string& name,
                        const BlobConditions& conditions = {}) const;
  /// Whether put() would be let through by now: asked before a body arrives.
  BlobResult<> may_put(const std::string& container, const std::string& name, const BlobConditions& conditions) const;
  /// Replaces the blob, uncommitted blocks included. Gives it its times and etag.
  BlobResult<Blob> put(Blob blob, const BlobConditions& conditions);
  BlobResult<> remove(const std::string& container, const std::string& name, const BlobConditions& conditions);
  /// Changes headers and metadata.
  BlobResult<Blob> set(Blob blob);

  BlobResult<> put_block(const std::string& container, const std::string& name, const BlobPart& block);
  /// Of a finished file that was refused.
  void discard_file(const std::string& file);
  std::vector<BlobPart> uncommitted_blocks(const std::string& container, const std::string& name) const;
  /// `blob.parts` is what the choices say. Blocks that it does not name are gone. Refuses with InvalidBlockList.
  BlobResult<Blob> put_block_list(Blob blob, const std::vector<BlockChoice>& choices, const BlobConditions& conditions);

  /// The open transaction is durable, or lost: files that nothing names any more go, or stay.
  void committed();
  void rolled_back() { superfluous_.clear(); }
  /// The store has other content now: blobs and blocks whose files are gone go, too. Files that nothing names stay
  /// until the next start, as another snapshot may name them.
  void store_replaced();

 private:
  std::optional<Blob> find(const std::string& container, const std::string& name) const;
  void discard_blocks(const std::string& container, const std::string& name, const std::vector<BlobPart>& kept);
  void discard_parts(const Blob& blob, const std::vector<BlobPart>& kept);
  Blob store(Blob blob);
  std::int64_t next_etag();
  void remove_leftovers();

  const BlobAccountOptions options_;
  storage::Store& store_;
  const Clock& clock_;
  RandomSource& random_;
  storage::BlobFiles files_;
  std::int64_t last_etag_ = 0;
  std::vector<std::string> superfluous_;  ///< files, by the open transaction
};

}  // namespace iothub::hub
