#include "emulator/hub/blobs/blob_account.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "emulator/hub/blobs/blob_json.h"
#include "emulator/hub/guid.h"
#include "protocol/text/ascii.h"
#include "protocol/text/base64.h"
#include "storage/store.h"

namespace iothub::hub {
namespace {

constexpr const char* kContainers = "blob_container";
// A container's name has no slash, so these collections are apart.
std::string blobs_of(const std::string& container) {
  return "blob/" + container;
}
std::string blocks_of(const std::string& container, const std::string& blob) {
  return "block/" + container + "/" + blob;
}

BlobError condition_not_met() {
  return {BlobErrorCode::ConditionNotMet, "the blob is not as the request's condition wants it"};
}

/// Naming and referencing containers.
bool valid_container(std::string_view name) {
  if (name == "$root" || name == "$logs" || name == "$web") return true;
  if (name.size() < 3 || name.size() > 63 || name.front() == '-' || name.back() == '-') return false;
  if (name.find("--") != std::string_view::npos) return false;
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || text::is_digit(c) || c == '-'; });
}

/// Etags are compared as they stand; a client may leave the quotes out.
bool matches(std::string_view said, const std::string& etag) {
  return said == "*" || said == etag || said == std::string_view(etag).substr(1, etag.size() - 2);
}

using PartsById = std::map<std::string, BlobPart>;

PartsById by_id(const std::vector<BlobPart>& parts) {
  PartsById by_id;
  for (const BlobPart& part : parts) by_id.emplace(part.block_id, part);
  return by_id;
}

const BlobPart* find_part(const PartsById& parts, const std::string& id) {
  const auto found = parts.find(id);
  return found == parts.end() ? nullptr : &found->second;
}

bool met(const BlobConditions& conditions, const Blob& blob) {
  const std::string etag = blob_etag(blob.etag);
  // Dates have seconds only.
  const std::int64_t modified = blob.modified.unix_seconds();
  if (!conditions.if_match.empty() && !matches(conditions.if_match, etag)) return false;
  if (!conditions.if_none_match.empty() && matches(conditions.if_none_match, etag)) return false;
  if (conditions.if_modified_since && modified <= conditions.if_modified_since->unix_seconds()) return false;
  return !conditions.if_unmodified_since || modified <= conditions.if_unmodified_since->unix_seconds();
}

}  // namespace

std::string blob_etag(std::int64_t etag) {
  std::string digits;
  for (auto rest = static_cast<std::uint64_t>(etag); rest != 0; rest >>= 4U) {
    digits.insert(digits.begin(), "0123456789ABCDEF"[rest & 15U]);
  }
  return "\"0x" + digits + "\"";
}

std::int64_t Blob::size() const {
  std::int64_t total = 0;
  for (const BlobPart& part : parts) total += part.size;
  return total;
}

BlobAccountKey built_in_account() {
  return {"devstoreaccount1",
          "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="};
}

BlobAccount::BlobAccount(BlobAccountOptions options, storage::Store& store, const Clock& clock, RandomSource& random)
    : options_(std::move(options)),
      store_(store),
      clock_(clock),
      random_(random),
      files_(options_.folder, options_.durable) {
  remove_leftovers();
}

void BlobAccount::remove_leftovers() {
  std::set<std::string> named;
  for (const BlobContainer& container : containers()) {
    for (const storage::Store::Document& document : store_.documents(blobs_of(container.name))) {
      const Blob blob = blob_from_document(container.name, document.id, document.json);
      for (const BlobPart& part : blob.parts) named.insert(part.file);
    }
  }
  // Blocks that wait for their list, too: an upload may go on after a restart.
  for (const std::string& kind : store_.document_kinds("block/")) {
    for (const storage::Store::Document& document : store_.documents(kind)) {
      named.insert(block_from_document(document.id, document.json).file);
    }
  }
  files_.remove_all_but(named);
}

BlobGrant BlobAccount::grant(const std::string& blob_name, Timestamp expiry, const std::string& client_host) {
  if (!container(kUploadContainer)) create_container(kUploadContainer, {}).value();
  return {client_host + "/" + name(), kUploadContainer, blob_sas(key(), kUploadContainer, blob_name, "rw", expiry)};
}

void BlobAccount::properties(const std::string& blob_name, std::function<void(std::optional<BlobProperties>)> answer) {
  const std::optional<Blob> found = find(kUploadContainer, blob_name);
  answer(found ? std::optional(BlobProperties{found->size(), found->modified}) : std::nullopt);
}

std::unique_ptr<storage::BlobFiles::Writer> BlobAccount::new_file() {
  return files_.create(new_guid(random_));
}

// ---- containers -----------------------------------------------------------------------------------------------------

std::vector<BlobContainer> BlobAccount::containers() const {
  std::vector<BlobContainer> all;
  for (const auto& document : store_.documents(kContainers)) {
    all.push_back(container_from_document(document.id, document.json));
  }
  return all;
}

BlobResult<BlobContainer> BlobAccount::container(const std::string& name) const {
  const std::optional<std::string> document = store_.document(kContainers, name);
  if (!document) return BlobError{BlobErrorCode::ContainerNotFound, "there is no container '" + name + "'"};
  return container_from_document(name, *document);
}

BlobResult<BlobContainer> BlobAccount::create_container(const std::string& name, NamedValues metadata) {
  if (!valid_container(name)) {
    return BlobError{BlobErrorCode::InvalidResourceName, "'" + name + "' is no name of a container"};
  }
  if (container(name)) {
    return BlobError{BlobErrorCode::ContainerAlreadyExists, "there is a container '" + name + "' already"};
  }
  BlobContainer made{name, next_etag(), clock_.now(), std::move(metadata)};
  store_.put_document(kContainers, name, to_document(made));
  return made;
}

BlobResult<> BlobAccount::remove_container(const std::string& name) {
  const BlobResult<std::vector<Blob>> all = blobs(name);
  if (!all) return all.error();
  for (const Blob& blob : *all) {
    discard_parts(blob, {});
    store_.remove_document(blobs_of(name), blob.name);
  }
  for (const std::string& kind : store_.document_kinds("block/" + name + "/")) {
    discard_blocks(name, kind.substr(blocks_of(name, {}).size()), {});
  }
  store_.remove_document(kContainers, name);
  return {};
}

// ---- blobs ----------------------------------------------------------------------------------------------------------

std::optional<Blob> BlobAccount::find(const std::string& container, const std::string& name) const {
  const std::optional<std::string> document = store_.document(blobs_of(container), name);
  return document ? std::optional(blob_from_document(container, name, *document)) : std::nullopt;
}

BlobResult<std::vector<Blob>> BlobAccount::blobs(const std::string& container_name) const {
  const BlobResult<BlobContainer> there = container(container_name);
  if (!there) return there.error();
  std::vector<Blob> all;
  for (const auto& document : store_.documents(blobs_of(container_name))) {
    all.push_back(blob_from_document(container_name, document.id, document.json));
  }
  return all;
}

BlobResult<Blob> BlobAccount::blob(const std::string& container_name, const std::string& name,
                                   const BlobConditions& conditions) const {
  const BlobResult<BlobContainer> there = container(container_name);
  if (!there) return there.error();
  const std::optional<Blob> found = find(container_name, name);
  if (!found) return BlobError{BlobErrorCode::BlobNotFound, "there is no blob '" + name + "'"};
  if (!met(conditions, *found)) return condition_not_met();
  return *found;
}

BlobResult<> BlobAccount::may_put(const std::string& container_name, const std::string& name,
                                  const BlobConditions& conditions) const {
  const BlobResult<BlobContainer> there = container(container_name);
  if (!there) return there.error();
  const std::optional<Blob> found = find(container_name, name);
  if (!found) return conditions.if_match.empty() ? BlobResult<>() : BlobResult<>(condition_not_met());
  if (conditions.if_none_match == "*") {
    return BlobError{BlobErrorCode::BlobAlreadyExists, "there is a blob '" + name + "' already"};
  }
  return met(conditions, *found) ? BlobResult<>() : BlobResult<>(condition_not_met());
}

BlobResult<Blob> BlobAccount::put(Blob blob, const BlobConditions& conditions) {
  if (const auto allowed = may_put(blob.container, blob.name, conditions); !allowed) return allowed.error();
  discard_blocks(blob.container, blob.name, {});
  return store(std::move(blob));
}

BlobResult<> BlobAccount::remove(const std::string& container, const std::string& name,
                                 const BlobConditions& conditions) {
  const BlobResult<Blob> found = blob(container, name, conditions);
  if (!found) return found.error();
  discard_parts(*found, {});
  store_.remove_document(blobs_of(container), name);
  return {};
}

BlobResult<Blob> BlobAccount::set(Blob blob) {
  return store(std::move(blob));
}

/// Its files of before go, unless it still has them.
Blob BlobAccount::store(Blob blob) {
  const std::optional<Blob> before = find(blob.container, blob.name);
  if (before) discard_parts(*before, blob.parts);
  blob.created = before ? before->created : clock_.now();
  blob.modified = clock_.now();
  blob.etag = next_etag();
  store_.put_document(blobs_of(blob.container), blob.name, to_document(blob));
  return blob;
}

// ---- blocks ---------------------------------------------------------------------------------------------------------

BlobResult<> BlobAccount::put_block(const std::string& container_name, const std::string& name, const BlobPart& block) {
  const BlobResult<BlobContainer> there = container(container_name);
  if (!there) return there.error();
  const std::string kind = blocks_of(container_name, name);
  for (const storage::Store::Document& other : store_.documents(kind)) {
    // All ids of a blob have the same length (Put Block).
    if (other.id.size() != block.block_id.size()) {
      return BlobError{BlobErrorCode::InvalidBlobOrBlock, "the block's id has another length than those before"};
    }
    if (other.id == block.block_id) superfluous_.push_back(block_from_document(other.id, other.json).file);
  }
  store_.put_document(kind, block.block_id, to_document(block));
  return {};
}

std::vector<BlobPart> BlobAccount::uncommitted_blocks(const std::string& container, const std::string& name) const {
  std::vector<BlobPart> blocks;
  for (const auto& document : store_.documents(blocks_of(container, name))) {
    blocks.push_back(block_from_document(document.id, document.json));
  }
  return blocks;
}

BlobResult<Blob> BlobAccount::put_block_list(Blob blob, const std::vector<BlockChoice>& choices,
                                             const BlobConditions& conditions) {
  if (const auto allowed = may_put(blob.container, blob.name, conditions); !allowed) return allowed.error();
  const std::optional<Blob> before = find(blob.container, blob.name);
  const std::vector<BlobPart> uncommitted = uncommitted_blocks(blob.container, blob.name);
  const PartsById new_blocks = by_id(uncommitted);
  const PartsById old_blocks = by_id(before ? before->parts : std::vector<BlobPart>{});
  blob.parts.clear();
  for (const BlockChoice& choice : choices) {
    const BlobPart* part = nullptr;
    if (choice.from != BlockChoice::From::committed) part = find_part(new_blocks, choice.id);
    if (part == nullptr && choice.from != BlockChoice::From::uncommitted) part = find_part(old_blocks, choice.id);
    if (part == nullptr || choice.id.empty()) {
      return BlobError{BlobErrorCode::InvalidBlockList, "there is no block '" + choice.id + "'"};
    }
    blob.parts.push_back(*part);
  }
  discard_blocks(blob.container, blob.name, blob.parts);
  return store(std::move(blob));
}

void BlobAccount::discard_blocks(const std::string& container, const std::string& name,
                                 const std::vector<BlobPart>& kept) {
  Blob uncommitted;
  uncommitted.parts = uncommitted_blocks(container, name);
  discard_parts(uncommitted, kept);
  for (const BlobPart& block : uncommitted.parts) store_.remove_document(blocks_of(container, name), block.block_id);
}

void BlobAccount::discard_parts(const Blob& blob, const std::vector<BlobPart>& kept) {
  std::set<std::string> still_named;
  for (const BlobPart& part : kept) still_named.insert(part.file);
  for (const BlobPart& part : blob.parts) {
    if (!still_named.contains(part.file)) superfluous_.push_back(part.file);
  }
}

void BlobAccount::discard_file(const std::string& file) {
  files_.remove(file);
}

void BlobAccount::committed() {
  for (const std::string& file : superfluous_) files_.remove(file);
  superfluous_.clear();
}

void BlobAccount::store_replaced() {
  superfluous_.clear();
  const auto is_there = [this](const BlobPart& part) { return std::filesystem::exists(files_.path(part.file)); };
  for (const BlobContainer& container : containers()) {
    for (const storage::Store::Document& document : store_.documents(blobs_of(container.name))) {
      const Blob blob = blob_from_document(container.name, document.id, document.json);
      if (std::all_of(blob.parts.begin(), blob.parts.end(), is_there)) continue;
      store_.remove_document(blobs_of(container.name), document.id);
    }
  }
  for (const std::string& kind : store_.document_kinds("block/")) {
    for (const storage::Store::Document& document : store_.documents(kind)) {
      if (!is_there(block_from_document(document.id, document.json))) store_.remove_document(kind, document.id);
    }
  }
}

std::int64_t BlobAccount::next_etag() {
  last_etag_ = std::max(last_etag_ + 1, clock_.now().ticks);
  return last_etag_;
}

}  // namespace iothub::hub
