#include "emulator/hub/blobs/blob_json.h"

#include "emulator/hub/json.h"

namespace iothub::hub {
namespace {

Json pairs_to_json(const NamedValues& values) {
  Json json = Json::array();
  for (const auto& [name, value] : values) json.push_back(Json::array({name, value}));
  return json;
}

NamedValues pairs_from_json(const Json& json) {
  NamedValues values;
  for (const Json& pair : json) values.emplace_back(pair[0].get<std::string>(), pair[1].get<std::string>());
  return values;
}

}  // namespace

std::string to_document(const BlobContainer& container) {
  return dump({{"etag", container.etag},
               {"modified", container.modified.ticks},
               {"metadata", pairs_to_json(container.metadata)}});
}

BlobContainer container_from_document(const std::string& name, const std::string& json) {
  const Json document = Json::parse(json);
  return {name,
          document["etag"].get<std::int64_t>(),
          {document["modified"].get<std::int64_t>()},
          pairs_from_json(document["metadata"])};
}

std::string to_document(const Blob& blob) {
  Json parts = Json::array();
  for (const BlobPart& part : blob.parts) parts.push_back(Json::array({part.block_id, part.file, part.size}));
  const BlobHeaders& headers = blob.headers;
  return dump({{"etag", blob.etag},
               {"created", blob.created.ticks},
               {"modified", blob.modified.ticks},
               {"headers", Json::array({headers.content_type, headers.content_encoding, headers.content_language,
                                        headers.content_disposition, headers.cache_control, headers.content_md5})},
               {"metadata", pairs_to_json(blob.metadata)},
               {"parts", std::move(parts)}});
}

Blob blob_from_document(const std::string& container, const std::string& name, const std::string& json) {
  const Json document = Json::parse(json);
  const auto header = [&](std::size_t n) { return document["headers"][n].get<std::string>(); };
  Blob blob;
  blob.container = container;
  blob.name = name;
  blob.etag = document["etag"].get<std::int64_t>();
  blob.created = {document["created"].get<std::int64_t>()};
  blob.modified = {document["modified"].get<std::int64_t>()};
  blob.headers = {header(0), header(1), header(2), header(3), header(4), header(5)};
  blob.metadata = pairs_from_json(document["metadata"]);
  for (const Json& part : document["parts"]) {
    blob.parts.push_back({part[0].get<std::string>(), part[1].get<std::string>(), part[2].get<std::int64_t>()});
  }
  return blob;
}

std::string to_document(const BlobPart& block) {
  return dump({{"file", block.file}, {"size", block.size}});
}

BlobPart block_from_document(const std::string& id, const std::string& json) {
  const Json document = Json::parse(json);
  return {id, document["file"].get<std::string>(), document["size"].get<std::int64_t>()};
}

}  // namespace iothub::hub
