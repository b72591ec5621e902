#include "emulator/heads/rest/blob/blob_request.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <exception>
#include <utility>

#include "emulator/heads/rest/blob/blob_xml.h"
#include "emulator/hub/guid.h"
#include "emulator/hub/json.h"
#include "protocol/text/ascii.h"
#include "protocol/text/base64.h"
#include "protocol/text/percent.h"
#include "protocol/text/utf8.h"

namespace iothub::heads::rest {
namespace {

using hub::BlobError;
using hub::BlobErrorCode;
using hub::BlobResource;
using hub::BlobResult;

constexpr const char* kDefaultVersion = "2021-12-02";
constexpr const char* kServer = "Windows-Azure-Blob/1.0 Microsoft-HTTPAPI/2.0";
constexpr std::string_view kMetadataPrefix = "x-ms-meta-";
constexpr std::uint64_t kMaxPutBytes = std::uint64_t{5000} * 1024 * 1024;    // Put Blob
constexpr std::uint64_t kMaxBlockBytes = std::uint64_t{4000} * 1024 * 1024;  // Put Block
constexpr std::uint64_t kMaxXmlBytes = std::uint64_t{16} * 1024 * 1024;      // 50,000 blocks and their tags
constexpr std::uint64_t kMaxOtherBytes = std::uint64_t{64} * 1024;
constexpr std::int64_t kMaxRangeWithMd5 = std::int64_t{4} * 1024 * 1024;  // Get Blob
constexpr std::size_t kMaxListed = 5000;                                  // List Blobs
constexpr std::size_t kMaxBlockIdBytes = 64;                              // Put Block: before base64

/// Names of metadata become names of XML elements, too (documentation: Naming and referencing containers, blobs, and
/// metadata).
bool is_metadata_name(std::string_view name) {
  const auto may_begin = [](char c) { return text::is_alpha(c) || c == '_'; };
  return !name.empty() && may_begin(name.front()) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return may_begin(c) || text::is_digit(c); });
}

bool is_header_text(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c < '\x7f'; });
}

std::string guid_of(const std::string& hex) {
  return hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" + hex.substr(16, 4) + "-" +
         hex.substr(20);
}

/// A part of a blob, read file by file.
class BlobBody final : public http::BodySource {
 public:
  BlobBody(const storage::BlobFiles& files, hub::Blob blob, std::int64_t from, std::int64_t size)
      : files_(files), blob_(std::move(blob)), remaining_(size), offset_(from) {
    skip();
  }

  std::uint64_t remaining() const override { return static_cast<std::uint64_t>(remaining_); }

  void read(std::string& out, std::size_t most) override {
    const std::int64_t left_in_part = blob_.parts.at(part_).size - offset_;
    const std::int64_t size = std::min({static_cast<std::int64_t>(most), remaining_, left_in_part});
    if (!reader_) reader_ = files_.open(blob_.parts[part_].file);
    reader_->read(offset_, static_cast<std::size_t>(size), out);
    offset_ += size;
    remaining_ -= size;
    if (remaining_ > 0) skip();
  }

 private:
  /// To the part that has the next byte.
  void skip() {
    while (part_ < blob_.parts.size() && offset_ >= blob_.parts[part_].size) {
      offset_ -= blob_.parts[part_++].size;
      reader_.reset();
    }
  }

  const storage::BlobFiles& files_;
  const hub::Blob blob_;
  std::int64_t remaining_;
  std::int64_t offset_;  ///< in the part
  std::size_t part_ = 0;
  std::unique_ptr<storage::BlobFiles::Reader> reader_;
};

struct ByteRange {
  std::int64_t from = 0;
  std::optional<std::int64_t> to;
};

/// `bytes=0-3`, `bytes=4-`: the forms the service knows.
std::optional<ByteRange> parse_range(std::string_view text) {
  constexpr std::string_view kUnit = "bytes=";
  if (!text.starts_with(kUnit)) return std::nullopt;
  text.remove_prefix(kUnit.size());
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto number = [](std::string_view digits) -> std::optional<std::int64_t> {
    std::int64_t value = 0;
    const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc{} || stop != digits.data() + digits.size() || value < 0) return std::nullopt;
    return value;
  };
  const auto from = number(text.substr(0, dash));
  if (!from) return std::nullopt;
  ByteRange range{*from, {}};
  if (dash + 1 == text.size()) return range;
  range.to = number(text.substr(dash + 1));
  if (!range.to || *range.to < range.from) return std::nullopt;
  return range;
}

}  // namespace

struct BlobRequest::Operation {
  enum class Body : std::uint8_t { none, file, xml };
  std::string_view method;
  BlobResource resource;
  std::string_view comp;
  std::string_view account_letters, service_letters;  ///< which permissions of a SAS allow it: one is enough
  Body body;
  void (BlobRequest::*serve)();
  std::string_view name;
};

bool is_blob_path(hub::Hub& hub, const http::Target& target) {
  const hub::BlobAccount* account = hub.blobs();
  return account != nullptr && !target.segments.empty() && target.segments.front() == account->name();
}

std::span<const BlobRequest::Operation> BlobRequest::operations() {
  using enum BlobResource;
  using enum Operation::Body;
  using R = BlobRequest;
  // clang-format off
  static constexpr Operation kOperations[] = {
      {"GET",    service,   "list",       "l",  "",   none, &R::list_containers,  "list containers"},
      {"PUT",    container, "",           "cw", "",   none, &R::create_container, "create container"},
      {"GET",    container, "",           "r",  "",   none, &R::get_container,    "get container properties"},
      {"HEAD",   container, "",           "r",  "",   none, &R::get_container,    "get container properties"},
      {"DELETE", container, "",           "d",  "",   none, &R::delete_container, "delete container"},
      {"GET",    container, "list",       "l",  "l",  none, &R::list_blobs,       "list blobs"},
      {"PUT",    blob,      "",           "cw", "cw", file, &R::put_blob,         "put blob"},
      {"PUT",    blob,      "block",      "cw", "cw", file, &R::put_block,        "put block"},
      {"PUT",    blob,      "blocklist",  "cw", "cw", xml,  &R::put_block_list,   "put block list"},
      {"GET",    blob,      "blocklist",  "r",  "r",  none, &R::get_block_list,   "get block list"},
      {"GET",    blob,      "",           "r",  "r",  none, &R::get_blob,         "get blob"},
      {"HEAD",   blob,      "",           "r",  "r",  none, &R::get_properties,   "get blob properties"},
      {"GET",    blob,      "metadata",   "r",  "r",  none, &R::get_metadata,     "get blob metadata"},
      {"HEAD",   blob,      "metadata",   "r",  "r",  none, &R::get_metadata,     "get blob metadata"},
      {"PUT",    blob,      "properties", "w",  "w",  none, &R::set_properties,   "set blob properties"},
      {"PUT",    blob,      "metadata",   "w",  "w",  none, &R::set_metadata,     "set blob metadata"},
      {"DELETE", blob,      "",           "d",  "d",  none, &R::delete_blob,      "delete blob"},
  };
  // clang-format on
  return kOperations;
}

BlobRequest::BlobRequest(hub::Hub& hub, const http::Request& header, http::Target target, std::string connection)
    : hub_(hub),
      header_(header),
      target_(std::move(target)),
      connection_(std::move(connection)),
      request_id_(guid_of(hub.new_tracking_id())) {
  if (const auto checked = check(); !checked) {
    refused_ = checked.error();
    return;
  }
  if (operation_->body != Operation::Body::file) return;
  try {
    file_ = account().new_file();
  } catch (const std::exception& error) {
    refused_ = BlobError{BlobErrorCode::InternalError, error.what()};
  }
}

BlobRequest::~BlobRequest() = default;

// ---- before the body ------------------------------------------------------------------------------------------------

BlobResult<> BlobRequest::check() {
  // Decoded, then split, as Azurite does: for a host without a port, Java's azure-storage-blob (12.29) takes the
  // account for the container and sends `/{account}/{container}%2F{blob}`.
  const std::string path = target_.path().substr(1 + account().name().size());
  const std::size_t end = std::min(path.find('/', 1), path.size());
  if (!path.empty()) container_ = path.substr(1, end - 1);
  if (end < path.size()) blob_ = path.substr(end + 1);
  if (!text::is_utf8(blob_) || !text::is_utf8(container_))
    return BlobError{BlobErrorCode::InvalidUri, "the path is not UTF-8"};
  const BlobResource resource = !blob_.empty()        ? BlobResource::blob
                                : !container_.empty() ? BlobResource::container
                                                      : BlobResource::service;
  // `restype` tells a container from a blob in $root, which the emulator does not have.
  const std::string restype = parameter("restype");
  const bool fits = resource == BlobResource::container ? restype == "container" : restype.empty();
  for (const Operation& each : operations()) {
    if (fits && each.method == header_.method && each.resource == resource && each.comp == parameter("comp")) {
      operation_ = &each;
    }
  }

  const hub::NamedValues query(target_.query.begin(), target_.query.end());
  hub::NamedValues headers;
  for (const http::Header& each : header_.headers) headers.emplace_back(each.name, each.value);
  std::string_view sent_path = header_.target;
  if (!target_.authority.empty()) {
    sent_path.remove_prefix(std::min(sent_path.find('/', sent_path.find("://") + 3), sent_path.size()));
  }
  sent_path = sent_path.substr(0, sent_path.find('?'));
  const auto access = hub::check_blob_request(
      account().key(), {header_.method, sent_path, query, headers, container_, blob_}, account().now());
  if (!access) return access.error();
  if (operation_ == nullptr) {
    return BlobError{BlobErrorCode::NotImplemented,
                     "restype '" + restype + "', comp '" + parameter("comp") + "' of " + header_.method};
  }
  const auto allowed =
      access->authorize(operation_->resource, operation_->account_letters, operation_->service_letters);
  if (!allowed) return allowed.error();
  if (const auto checked = check_headers(); !checked) return checked.error();
  const bool writes_blob = header_.method == "PUT" && resource == BlobResource::blob;
  if (writes_blob && !access->may_overwrite() && account().blob(container_, blob_)) {
    return BlobError{BlobErrorCode::UnauthorizedBlobOverwrite, "sp has c, not w, and the blob is there"};
  }
  return check_before_body();
}

BlobResult<> BlobRequest::check_headers() {
  for (const char* unknown : {"x-ms-copy-source", "x-ms-content-crc64", "x-ms-structured-body", "x-ms-encryption-key",
                              "x-ms-encryption-scope", "x-ms-if-tags", "x-ms-tags", "x-ms-range-get-content-crc64",
                              "x-ms-immutability-policy-until-date", "x-ms-legal-hold", "x-ms-source-content-md5"}) {
    if (http::find(header_.headers, unknown)) {
      return BlobError{BlobErrorCode::NotImplemented, "the header " + std::string(unknown)};
    }
  }
  for (const char* unknown : {"snapshot", "versionid"}) {
    if (!parameter(unknown).empty()) {
      return BlobError{BlobErrorCode::NotImplemented, "the parameter " + std::string(unknown)};
    }
  }
  // They become headers of the answer, and an account SAS does not sign them.
  for (const char* shown : {"rsct", "rsce", "rscl", "rscd", "rscc"}) {
    if (!is_header_text(parameter(shown))) {
      return BlobError{BlobErrorCode::InvalidQueryParameterValue, std::string(shown) + " is not ASCII"};
    }
  }
  if (http::find(header_.headers, "x-ms-lease-id")) {
    return BlobError{BlobErrorCode::LeaseNotPresentWithBlobOperation, "nothing here has a lease"};
  }
  for (const http::Header& each : header_.headers) {
    const bool kept = text::lower(each.name).starts_with("x-ms-") || text::lower(each.name).starts_with("content-");
    if (kept && !is_header_text(each.value)) {
      return BlobError{BlobErrorCode::InvalidHeaderValue, "the header " + each.name + " is not ASCII"};
    }
    if (text::lower(each.name).starts_with(kMetadataPrefix) &&
        !is_metadata_name(each.name.substr(kMetadataPrefix.size()))) {
      return BlobError{BlobErrorCode::InvalidMetadata, "the header " + each.name + " names no identifier"};
    }
  }
  conditions_.if_match = header("If-Match");
  conditions_.if_none_match = header("If-None-Match");
  for (const auto& [name, time] : {std::pair("If-Modified-Since", &conditions_.if_modified_since),
                                   std::pair("If-Unmodified-Since", &conditions_.if_unmodified_since)}) {
    const std::string said = header(name);
    if (said.empty()) continue;
    *time = http::parse_http_date(said);
    if (!*time) return BlobError{BlobErrorCode::InvalidHeaderValue, std::string(name) + " is '" + said + "'"};
  }
  return {};
}

/// So that no large body is taken for nothing.
BlobResult<> BlobRequest::check_before_body() {
  if (operation_->serve == &BlobRequest::put_blob) {
    const std::string type = header("x-ms-blob-type");
    if (type.empty()) return BlobError{BlobErrorCode::MissingRequiredHeader, "there is no x-ms-blob-type"};
    if (type != "BlockBlob") return BlobError{BlobErrorCode::NotImplemented, "a blob of type " + type};
    return account().may_put(container_, blob_, conditions_);
  }
  if (operation_->serve == &BlobRequest::put_block) {
    const auto id = text::base64_decode(parameter("blockid"));
    if (!id || id->empty() || id->size() > kMaxBlockIdBytes) {
      return BlobError{BlobErrorCode::InvalidBlockId, "blockid is '" + parameter("blockid") + "'"};
    }
    const auto there = account().container(container_);
    if (!there) return there.error();
  }
  return {};
}

http::BodyPlan BlobRequest::body() {
  if (operation_ == nullptr || refused_) return {this, kMaxPutBytes};
  switch (operation_->body) {
    case Operation::Body::none:
      return {this, kMaxOtherBytes};
    case Operation::Body::xml:
      return {this, kMaxXmlBytes};
    case Operation::Body::file:
      break;
  }
  return {this, operation_->serve == &BlobRequest::put_block ? kMaxBlockBytes : kMaxPutBytes};
}

void BlobRequest::append(std::string_view piece) {
  if (refused_) return;
  md5_.append(piece);
  if (operation_->body == Operation::Body::xml) xml_ += piece;
  if (operation_->body != Operation::Body::file) return;
  try {
    file_->append(piece);
  } catch (const std::exception& error) {
    spdlog::error("{}: {}", connection_, error.what());
    refused_ = BlobError{BlobErrorCode::InternalError, error.what()};
  }
}

// ---- the answer -----------------------------------------------------------------------------------------------------

void BlobRequest::serve(const http::Request&, BlobResponder& responder) {
  responder_ = &responder;
  md5_text_ = md5_.base64();
  if (!refused_) {
    if (const auto intact = check_md5("Content-MD5", md5_text_); !intact) refused_ = intact.error();
  }
  if (refused_) return refuse(*refused_);
  (this->*operation_->serve)();
}

BlobResult<> BlobRequest::check_md5(const std::string& name, const std::string& counted) const {
  const std::string said = header(name);
  if (said.empty() || said == counted) return {};
  const auto bytes = text::base64_decode(said);
  if (!bytes || bytes->size() != 16) return BlobError{BlobErrorCode::InvalidMd5, name + " is no MD5"};
  return BlobError{BlobErrorCode::Md5Mismatch, name + " is not that of the body"};
}

void BlobRequest::list_containers() {
  const BlobResult<ListRequest> list = list_request();
  if (!list) return refuse(list.error());
  std::vector<hub::BlobContainer> page;
  std::string next;
  for (hub::BlobContainer& container : account().containers()) {
    if (!container.name.starts_with(list->prefix) || container.name < list->marker) continue;
    if (page.size() == list->max_results.value_or(kMaxListed)) {
      next = container.name;
      break;
    }
    page.push_back(std::move(container));
  }
  respond_xml(containers_xml(*list, page, next));
}

void BlobRequest::create_container() {
  const auto made = account().create_container(container_, metadata());
  if (!made) return refuse(made.error());
  respond({201, {{"Last-Modified", http::http_date(made->modified)}, {"ETag", hub::blob_etag(made->etag)}}, {}});
}

void BlobRequest::get_container() {
  const auto container = account().container(container_);
  if (!container) return refuse(container.error());
  http::Headers headers{{"Last-Modified", http::http_date(container->modified)},
                        {"ETag", hub::blob_etag(container->etag)},
                        {"x-ms-lease-status", "unlocked"},
                        {"x-ms-lease-state", "available"},
                        {"x-ms-has-immutability-policy", "false"},
                        {"x-ms-has-legal-hold", "false"}};
  for (const auto& [name, value] : container->metadata) headers.push_back({"x-ms-meta-" + name, value});
  respond({200, std::move(headers), {}});
}

void BlobRequest::delete_container() {
  if (const auto removed = account().remove_container(container_); !removed) return refuse(removed.error());
  respond({202, {}, {}});
}

BlobResult<ListRequest> BlobRequest::list_request() const {
  ListRequest list;
  const std::string host(target_.authority.empty() ? header("Host") : target_.authority);
  list.endpoint = "https://" + host + "/" + account().name() + "/";
  list.prefix = parameter("prefix");
  list.delimiter = parameter("delimiter");
  auto marker = text::percent_decode(parameter("marker"));
  if (!marker || !text::is_utf8(*marker)) {
    return BlobError{BlobErrorCode::InvalidQueryParameterValue, "marker is '" + parameter("marker") + "'"};
  }
  list.marker = std::move(*marker);
  list.with_metadata = parameter("include").find("metadata") != std::string::npos;
  if (const std::string said = parameter("maxresults"); !said.empty()) {
    std::size_t most = 0;
    const auto [stop, error] = std::from_chars(said.data(), said.data() + said.size(), most);
    if (error != std::errc{} || stop != said.data() + said.size() || most == 0) {
      return BlobError{BlobErrorCode::OutOfRangeQueryParameterValue, "maxresults is '" + said + "'"};
    }
    list.max_results = std::min(most, kMaxListed);
  }
  return list;
}

void BlobRequest::list_blobs() {
  const BlobResult<ListRequest> list = list_request();
  if (!list) return refuse(list.error());
  auto all = account().blobs(container_);
  if (!all) return refuse(all.error());
  std::vector<hub::Blob> page;
  std::vector<std::string> prefixes;
  std::string next;
  for (hub::Blob& blob : *all) {
    if (!blob.name.starts_with(list->prefix) || blob.name < list->marker) continue;
    const std::size_t cut =
        list->delimiter.empty() ? std::string::npos : blob.name.find(list->delimiter, list->prefix.size());
    const std::string prefix = cut == std::string::npos ? "" : blob.name.substr(0, cut + list->delimiter.size());
    if (!prefix.empty() && !prefixes.empty() && prefixes.back() == prefix) continue;
    if (page.size() + prefixes.size() == list->max_results.value_or(kMaxListed)) {
      next = blob.name;
      break;
    }
    if (prefix.empty()) {
      page.push_back(std::move(blob));
    } else {
      prefixes.push_back(prefix);
    }
  }
  respond_xml(blobs_xml(*list, container_, page, prefixes, next));
}

/// Brings the body to disk, then goes on; so that the loop does not wait for the disk.
void BlobRequest::keep_file(std::function<void()> then) {
  hub_.background().run([self = shared_from_this()] { self->file_->finish(); },
                        [self = shared_from_this(), then = std::move(then)](const std::exception_ptr& failure) {
                          if (!failure) return then();
                          try {
                            std::rethrow_exception(failure);
                          } catch (const std::exception& error) {
                            spdlog::error("{}: a blob cannot be kept: {}", self->connection_, error.what());
                            self->refuse({BlobErrorCode::InternalError, error.what()});
                          }
                        });
}

void BlobRequest::put_blob() {
  keep_file([this] {
    hub::Blob blob = new_blob();
    if (blob.headers.content_md5.empty()) blob.headers.content_md5 = md5_text_;
    blob.parts = {{{}, file_->name(), file_->size()}};
    const auto put = account().put(std::move(blob), conditions_);
    if (!put) return refuse_file(put.error());
    respond({201,
             {{"ETag", hub::blob_etag(put->etag)},
              {"Last-Modified", http::http_date(put->modified)},
              {"Content-MD5", md5_text_},
              {"x-ms-request-server-encrypted", "true"}},
             {}});
  });
}

/// Nothing will ever name the file.
void BlobRequest::refuse_file(const hub::BlobError& error) {
  account().discard_file(file_->name());
  refuse(error);
}

void BlobRequest::put_block() {
  keep_file([this] {
    const auto put = account().put_block(container_, blob_, {parameter("blockid"), file_->name(), file_->size()});
    if (!put) return refuse_file(put.error());
    respond({201, {{"Content-MD5", md5_text_}, {"x-ms-request-server-encrypted", "true"}}, {}});
  });
}

void BlobRequest::put_block_list() {
  const auto choices = read_block_list(xml_);
  if (!choices) return refuse({BlobErrorCode::InvalidXmlDocument, "the body is no block list"});
  if (choices->size() > hub::kMaxBlocks) return refuse({BlobErrorCode::InvalidBlockList, "more than 50,000 blocks"});
  const auto put = account().put_block_list(new_blob(), *choices, conditions_);
  if (!put) return refuse(put.error());
  respond({201,
           {{"ETag", hub::blob_etag(put->etag)},
            {"Last-Modified", http::http_date(put->modified)},
            {"x-ms-request-server-encrypted", "true"}},
           {}});
}

void BlobRequest::get_block_list() {
  const auto container = account().container(container_);
  if (!container) return refuse(container.error());
  const auto blob = account().blob(container_, blob_);
  const std::vector<hub::BlobPart> uncommitted = account().uncommitted_blocks(container_, blob_);
  if (!blob && uncommitted.empty()) return refuse(blob.error());
  const std::string type = parameter("blocklisttype");
  const std::vector<hub::BlobPart> committed = blob ? blob->parts : std::vector<hub::BlobPart>{};
  http::Headers headers{{"Content-Type", "application/xml"},
                        {"x-ms-blob-content-length", std::to_string(blob ? blob->size() : 0)}};
  if (blob) {
    headers.push_back({"ETag", hub::blob_etag(blob->etag)});
    headers.push_back({"Last-Modified", http::http_date(blob->modified)});
  }
  respond({200, std::move(headers),
           block_list_xml(type == "uncommitted" ? nullptr : &committed,
                          type == "uncommitted" || type == "all" ? &uncommitted : nullptr)});
}

BlobResult<hub::Blob> BlobRequest::found() {
  return account().blob(container_, blob_, conditions_);
}

void BlobRequest::get_blob() {
  const auto blob = found();
  if (!blob) return refuse(blob.error());
  std::string said = header("x-ms-range");
  if (said.empty()) said = header("Range");
  const std::int64_t size = blob->size();
  http::Headers headers = blob_headers(*blob);
  if (said.empty()) {
    return respond({200, std::move(headers), {}}, std::make_unique<BlobBody>(account().files(), *blob, 0, size));
  }
  const std::optional<ByteRange> range = parse_range(said);
  if (!range) return refuse({BlobErrorCode::InvalidHeaderValue, "the range is '" + said + "'"});
  if (range->from >= size) {
    return refuse({BlobErrorCode::InvalidRange, said + " of " + std::to_string(size) + " bytes"},
                  {{"Content-Range", "bytes */" + std::to_string(size)}});
  }
  const std::int64_t last = std::min(range->to.value_or(size - 1), size - 1);
  const std::int64_t length = last - range->from + 1;
  headers.push_back({"Content-Range",
                     "bytes " + std::to_string(range->from) + "-" + std::to_string(last) + "/" + std::to_string(size)});
  // Content-MD5 would be that of the range; the blob's own has another name then.
  for (http::Header& each : headers) {
    if (each.name == "Content-MD5") each.name = "x-ms-blob-content-md5";
  }
  if (text::equals_ignoring_case(header("x-ms-range-get-content-md5"), "true")) {
    if (length > kMaxRangeWithMd5) {
      return refuse({BlobErrorCode::InvalidHeaderValue, "x-ms-range-get-content-md5 of more than 4 MiB"});
    }
    BlobBody body(account().files(), *blob, range->from, length);
    std::string bytes;
    while (body.remaining() > 0) body.read(bytes, static_cast<std::size_t>(length));
    hub::Md5 md5;
    md5.append(bytes);
    headers.push_back({"Content-MD5", md5.base64()});
    return respond({206, std::move(headers), std::move(bytes)});
  }
  respond({206, std::move(headers), {}}, std::make_unique<BlobBody>(account().files(), *blob, range->from, length));
}

void BlobRequest::get_properties() {
  const auto blob = found();
  if (!blob) return refuse(blob.error());
  // The session writes no body in answer to HEAD, only its length.
  respond({200, blob_headers(*blob), {}}, std::make_unique<BlobBody>(account().files(), *blob, 0, blob->size()));
}

void BlobRequest::get_metadata() {
  const auto blob = found();
  if (!blob) return refuse(blob.error());
  http::Headers headers{{"ETag", hub::blob_etag(blob->etag)}, {"Last-Modified", http::http_date(blob->modified)}};
  for (const auto& [name, value] : blob->metadata) headers.push_back({"x-ms-meta-" + name, value});
  respond({200, std::move(headers), {}});
}

void BlobRequest::set_properties() {
  auto blob = found();
  if (!blob) return refuse(blob.error());
  blob->headers = content_headers();
  written(account().set(std::move(*blob)), 200);
}

void BlobRequest::set_metadata() {
  auto blob = found();
  if (!blob) return refuse(blob.error());
  blob->metadata = metadata();
  written(account().set(std::move(*blob)), 200);
}

void BlobRequest::written(const BlobResult<hub::Blob>& blob, int status) {
  if (!blob) return refuse(blob.error());
  respond({status, {{"ETag", hub::blob_etag(blob->etag)}, {"Last-Modified", http::http_date(blob->modified)}}, {}});
}

void BlobRequest::delete_blob() {
  const auto removed = account().remove(container_, blob_, conditions_);
  if (!removed) return refuse(removed.error());
  respond({202, {{"x-ms-delete-type-permanent", "true"}}, {}});
}

// ---- headers --------------------------------------------------------------------------------------------------------

std::string BlobRequest::header(std::string_view name) const {
  return std::string(http::find(header_.headers, name).value_or(""));
}

std::string BlobRequest::parameter(std::string_view name) const {
  const std::string* value = target_.parameter(name);
  return value == nullptr ? std::string() : *value;
}

hub::NamedValues BlobRequest::metadata() const {
  hub::NamedValues values;
  for (const http::Header& each : header_.headers) {
    if (!text::lower(each.name).starts_with(kMetadataPrefix)) continue;
    values.emplace_back(each.name.substr(kMetadataPrefix.size()), each.value);
  }
  return values;
}

hub::BlobHeaders BlobRequest::content_headers() const {
  hub::BlobHeaders headers;
  // Put Blob takes the plain names too.
  const auto either = [&](std::string_view ms_name, std::string_view name) {
    std::string value = header(ms_name);
    const bool plain = operation_->serve == &BlobRequest::put_blob;
    return value.empty() && plain && !name.empty() ? header(name) : value;
  };
  if (std::string type = either("x-ms-blob-content-type", "Content-Type"); !type.empty()) {
    headers.content_type = std::move(type);
  }
  headers.content_encoding = either("x-ms-blob-content-encoding", "Content-Encoding");
  headers.content_language = either("x-ms-blob-content-language", "Content-Language");
  headers.content_disposition = either("x-ms-blob-content-disposition", {});
  headers.cache_control = either("x-ms-blob-cache-control", "Cache-Control");
  headers.content_md5 = header("x-ms-blob-content-md5");
  return headers;
}

hub::Blob BlobRequest::new_blob() const {
  hub::Blob blob;
  blob.container = container_;
  blob.name = blob_;
  blob.headers = content_headers();
  blob.metadata = metadata();
  return blob;
}

http::Headers BlobRequest::blob_headers(const hub::Blob& blob) const {
  const hub::BlobHeaders& content = blob.headers;
  http::Headers headers;
  // A service SAS may say how its reader gets the blob (rscc and its like).
  const auto add = [&](const char* name, const std::string& value, const char* said_by_sas) {
    const std::string said = parameter(said_by_sas);
    if (const std::string& shown = said.empty() ? value : said; !shown.empty()) headers.push_back({name, shown});
  };
  add("Content-Type", content.content_type, "rsct");
  add("Content-Encoding", content.content_encoding, "rsce");
  add("Content-Language", content.content_language, "rscl");
  add("Content-Disposition", content.content_disposition, "rscd");
  add("Cache-Control", content.cache_control, "rscc");
  if (!content.content_md5.empty()) headers.push_back({"Content-MD5", content.content_md5});
  headers.push_back({"Last-Modified", http::http_date(blob.modified)});
  headers.push_back({"ETag", hub::blob_etag(blob.etag)});
  headers.push_back({"Accept-Ranges", "bytes"});
  for (const auto& [name, value] : blob.metadata) headers.push_back({"x-ms-meta-" + name, value});
  headers.push_back({"x-ms-creation-time", http::http_date(blob.created)});
  headers.push_back({"x-ms-blob-type", "BlockBlob"});
  headers.push_back({"x-ms-lease-status", "unlocked"});
  headers.push_back({"x-ms-lease-state", "available"});
  headers.push_back({"x-ms-server-encrypted", "true"});
  if (header_.method == "HEAD") {
    headers.push_back({"x-ms-access-tier", "Hot"});
    headers.push_back({"x-ms-access-tier-inferred", "true"});
  }
  return headers;
}

void BlobRequest::respond(http::Response response, std::unique_ptr<http::BodySource> body) {
  BlobResponder* const responder = std::exchange(responder_, nullptr);
  if (responder == nullptr) return;
  http::Headers& headers = response.headers;
  headers.push_back({"Server", kServer});
  headers.push_back({"x-ms-request-id", request_id_});
  if (const std::string client_id = header("x-ms-client-request-id"); is_header_text(client_id) && !client_id.empty()) {
    headers.push_back({"x-ms-client-request-id", client_id});
  }
  std::string version = header("x-ms-version");
  if (version.empty()) version = parameter("sv");
  headers.push_back({"x-ms-version", is_header_text(version) && !version.empty() ? version : kDefaultVersion});
  headers.push_back({"Date", http::http_date(account().now())});
  responder->answer_blob(std::move(response), std::move(body));
}

void BlobRequest::respond_xml(std::string xml) {
  respond({200, {{"Content-Type", "application/xml"}}, std::move(xml)});
}

void BlobRequest::refuse(const BlobError& error, http::Headers headers) {
  // A read whose condition is not met because nothing has changed is no failure.
  const bool reads = header_.method == "GET" || header_.method == "HEAD";
  const bool unchanged = error.code == BlobErrorCode::ConditionNotMet && reads &&
                         (!conditions_.if_none_match.empty() || conditions_.if_modified_since);
  const int status = unchanged ? 304 : http_status(error.code);
  const auto level = error.code == BlobErrorCode::NotImplemented ? spdlog::level::warn : spdlog::level::info;
  std::string said = header_.method + " " + target_.path().substr(0, 200) + ": " + error.reason;
  std::replace_if(
      said.begin(), said.end(), [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }, '?');
  spdlog::log(level, "{}: {} refused: {} {}: {}", connection_,
              operation_ == nullptr ? "blob request" : operation_->name, status, name_of(error.code), said);
  headers.push_back({"x-ms-error-code", std::string(name_of(error.code))});
  if (error.code == BlobErrorCode::NoAuthenticationInformation) {
    headers.push_back({"WWW-Authenticate",
                       "Bearer authorization_uri=https://login.microsoftonline.com/common/oauth2/authorize "
                       "resource_id=https://storage.azure.com"});
  }
  if (unchanged) return respond({status, std::move(headers), {}});
  headers.push_back({"Content-Type", "application/xml"});
  const bool shows_detail = error.code == BlobErrorCode::AuthenticationFailed;
  respond({status, std::move(headers),
           error_xml(name_of(error.code), text_of(error.code), request_id_, account().now(),
                     shows_detail ? error.reason : std::string_view())});
}

}  // namespace iothub::heads::rest
