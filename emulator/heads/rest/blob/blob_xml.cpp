#include "emulator/heads/rest/blob/blob_xml.h"

#include <expat.h>

#include <algorithm>
#include <memory>

#include "protocol/http/response.h"
#include "protocol/text/percent.h"
#include "protocol/text/xml.h"

namespace iothub::heads::rest {
namespace {

constexpr const char* kDeclaration = "<?xml version=\"1.0\" encoding=\"utf-8\"?>";

std::string element(std::string_view name, std::string_view text) {
  const std::string tag(name);
  return text.empty() ? "<" + tag + " />" : "<" + tag + ">" + text::xml_escape(text) + "</" + tag + ">";
}

/// Whether XML can hold it: not every character that a name can (XML 1.0, 2.2). `text` is UTF-8.
bool fits_xml(std::string_view text) {
  const bool has_control = std::any_of(text.begin(), text.end(),
                                       [](char c) { return (static_cast<unsigned char>(c) < ' ') || c == '\x7f'; });
  return !has_control && text.find("\xEF\xBF\xBE") == text.npos && text.find("\xEF\xBF\xBF") == text.npos;
}

std::string text_element(std::string_view name, std::string_view text) {
  if (fits_xml(text)) return element(name, text);
  const std::string tag(name);
  return "<" + tag + " Encoded=\"true\">" + text::percent_encode(text) + "</" + tag + ">";
}

std::string bare(std::string_view etag) {
  return std::string(etag.substr(1, etag.size() - 2));
}

std::string metadata_xml(const hub::NamedValues& metadata) {
  std::string xml = "<Metadata>";
  for (const auto& [name, value] : metadata) xml += element(name, value);
  return xml + "</Metadata>";
}

std::string listing_begin(const ListRequest& request, std::string_view container) {
  std::string xml =
      std::string(kDeclaration) + "<EnumerationResults ServiceEndpoint=\"" + text::xml_escape(request.endpoint) + "\"";
  if (!container.empty()) xml += " ContainerName=\"" + text::xml_escape(container) + "\"";
  xml += ">";
  if (!request.prefix.empty()) xml += text_element("Prefix", request.prefix);
  if (!request.marker.empty()) xml += element("Marker", text::percent_encode(request.marker));
  if (request.max_results) xml += element("MaxResults", std::to_string(*request.max_results));
  if (!request.delimiter.empty()) xml += text_element("Delimiter", request.delimiter);
  return xml;
}

std::string blob_xml(const hub::Blob& blob, bool with_metadata) {
  const hub::BlobHeaders& headers = blob.headers;
  std::string xml = "<Blob>" + text_element("Name", blob.name) + "<Properties>";
  xml += element("Creation-Time", http::http_date(blob.created));
  xml += element("Last-Modified", http::http_date(blob.modified));
  xml += element("Etag", bare(hub::blob_etag(blob.etag)));
  xml += element("Content-Length", std::to_string(blob.size()));
  xml += element("Content-Type", headers.content_type);
  xml += element("Content-Encoding", headers.content_encoding);
  xml += element("Content-Language", headers.content_language);
  xml += element("Content-MD5", headers.content_md5);
  xml += element("Cache-Control", headers.cache_control);
  xml += element("Content-Disposition", headers.content_disposition);
  xml += "<BlobType>BlockBlob</BlobType><AccessTier>Hot</AccessTier><AccessTierInferred>true</AccessTierInferred>";
  xml += "<LeaseStatus>unlocked</LeaseStatus><LeaseState>available</LeaseState><ServerEncrypted>true</ServerEncrypted>";
  xml += "</Properties>";
  if (with_metadata) xml += metadata_xml(blob.metadata);
  return xml + "</Blob>";
}

std::string blocks_xml(const char* name, const std::vector<hub::BlobPart>& blocks) {
  std::string xml = "<" + std::string(name) + ">";
  for (const hub::BlobPart& block : blocks) {
    if (block.block_id.empty()) continue;
    xml += "<Block>" + element("Name", block.block_id) + element("Size", std::to_string(block.size)) + "</Block>";
  }
  return xml + "</" + name + ">";
}

/// Reads a block list as expat meets it.
struct BlockListReader {
  int depth = 0;
  bool wrong = false;
  std::vector<hub::BlockChoice> choices;

  void begin(std::string_view name) {
    using From = hub::BlockChoice::From;
    ++depth;
    if (depth == 1) {
      wrong = wrong || name != "BlockList";
    } else if (depth == 2 && name == "Committed") {
      choices.push_back({{}, From::committed});
    } else if (depth == 2 && name == "Uncommitted") {
      choices.push_back({{}, From::uncommitted});
    } else if (depth == 2 && name == "Latest") {
      choices.push_back({{}, From::latest});
    } else {
      wrong = true;
    }
  }
  void take(std::string_view text) {
    if (depth == 2 && !choices.empty()) choices.back().id += text;
  }
};

void XMLCALL on_begin(void* reader, const XML_Char* name, const XML_Char**) {
  static_cast<BlockListReader*>(reader)->begin(name);
}
void XMLCALL on_end(void* reader, const XML_Char*) {
  --static_cast<BlockListReader*>(reader)->depth;
}
void XMLCALL on_text(void* reader, const XML_Char* text, int size) {
  static_cast<BlockListReader*>(reader)->take({text, static_cast<std::size_t>(size)});
}

struct FreeParser {
  void operator()(XML_Parser parser) const { XML_ParserFree(parser); }
};

}  // namespace

std::optional<std::vector<hub::BlockChoice>> read_block_list(std::string_view xml) {
  const std::unique_ptr<XML_ParserStruct, FreeParser> parser(XML_ParserCreate(nullptr));
  BlockListReader reader;
  XML_SetUserData(parser.get(), &reader);
  XML_SetElementHandler(parser.get(), on_begin, on_end);
  XML_SetCharacterDataHandler(parser.get(), on_text);
  const auto parsed = XML_Parse(parser.get(), xml.data(), static_cast<int>(xml.size()), XML_TRUE);
  if (parsed != XML_STATUS_OK || reader.wrong) return std::nullopt;
  return std::move(reader.choices);
}

std::string error_xml(std::string_view code, std::string_view message, std::string_view request_id, Timestamp now,
                      std::string_view detail) {
  std::string text(message);
  text += "\nRequestId:" + std::string(request_id) + "\nTime:" + text::iso_time(now);
  std::string xml = std::string(kDeclaration) + "<Error>" + element("Code", code) + element("Message", text);
  if (!detail.empty()) xml += element("AuthenticationErrorDetail", detail);
  return xml + "</Error>";
}

std::string block_list_xml(const std::vector<hub::BlobPart>* committed, const std::vector<hub::BlobPart>* uncommitted) {
  std::string xml = std::string(kDeclaration) + "<BlockList>";
  if (committed != nullptr) xml += blocks_xml("CommittedBlocks", *committed);
  if (uncommitted != nullptr) xml += blocks_xml("UncommittedBlocks", *uncommitted);
  return xml + "</BlockList>";
}

std::string containers_xml(const ListRequest& request, const std::vector<hub::BlobContainer>& containers,
                           std::string_view next_marker) {
  std::string xml = listing_begin(request, {}) + "<Containers>";
  for (const hub::BlobContainer& container : containers) {
    xml += "<Container>" + element("Name", container.name) + "<Properties>";
    xml += element("Last-Modified", http::http_date(container.modified));
    xml += element("Etag", hub::blob_etag(container.etag));
    xml += "<LeaseStatus>unlocked</LeaseStatus><LeaseState>available</LeaseState></Properties>";
    if (request.with_metadata) xml += metadata_xml(container.metadata);
    xml += "</Container>";
  }
  return xml + "</Containers>" + element("NextMarker", text::percent_encode(next_marker)) + "</EnumerationResults>";
}

std::string blobs_xml(const ListRequest& request, std::string_view container, const std::vector<hub::Blob>& blobs,
                      const std::vector<std::string>& prefixes, std::string_view next_marker) {
  std::string xml = listing_begin(request, container) + "<Blobs>";
  for (const hub::Blob& blob : blobs) xml += blob_xml(blob, request.with_metadata);
  for (const std::string& prefix : prefixes) xml += "<BlobPrefix>" + text_element("Name", prefix) + "</BlobPrefix>";
  return xml + "</Blobs>" + element("NextMarker", text::percent_encode(next_marker)) + "</EnumerationResults>";
}

}  // namespace iothub::heads::rest
