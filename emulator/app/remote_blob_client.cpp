#include "emulator/app/remote_blob_client.h"

#include <httplib.h>

#include <chrono>
#include <fstream>
#include <map>
#include <stdexcept>

#include "emulator/hub/blobs/blob_account.h"
#include "protocol/http/response.h"
#include "protocol/text/ascii.h"
#include "protocol/text/base64.h"

namespace iothub::app {
namespace {

using hub::RemoteBlobError;

constexpr std::chrono::seconds kConnectTime{5};
constexpr std::chrono::seconds kAnswerTime{15};  // for each piece: what waits for the worker waits as long
constexpr const char* kVersion = "2020-10-02";   // an Azurite of some years knows it, and bodies of 5000 MiB
constexpr int kOk = 200;
constexpr int kCreated = 201;
constexpr int kNotFound = 404;
constexpr int kConflict = 409;

struct Url {
  std::string server;  ///< `https://host:port`
  std::string target;
};

Url parse_url(const std::string& url) {
  const std::size_t scheme = url.find("://");
  const std::size_t path = scheme == std::string::npos ? scheme : url.find('/', scheme + 3);
  if (path == std::string::npos) throw RemoteBlobError("the URL of the blob storage cannot be read");
  return {url.substr(0, path), url.substr(path)};
}

httplib::Client connect(const Url& url) {
  httplib::Client client(url.server);
  client.set_connection_timeout(kConnectTime);
  client.set_read_timeout(kAnswerTime);
  client.set_write_timeout(kAnswerTime);
  client.set_tcp_nodelay(true);
  client.set_url_encode(false);  // it is encoded, and signed so
  client.enable_server_certificate_verification(true);
  return client;
}

httplib::Headers headers() {
  return {{"x-ms-version", kVersion}};
}

const httplib::Response& answer_of(const httplib::Result& result, const Url& url) {
  if (!result) throw RemoteBlobError(url.server + " cannot be reached: " + httplib::to_string(result.error()));
  return *result;
}

[[noreturn]] void refused(const httplib::Response& response, const Url& url) {
  throw RemoteBlobError(url.server + " answers " + std::to_string(response.status) + " " +
                        response.get_header_value("x-ms-error-code"));
}

}  // namespace

std::optional<hub::RemoteBlobs::Found> RemoteBlobClient::head(const std::string& text) {
  const Url url = parse_url(text);
  auto client = connect(url);
  const auto result = client.Head(url.target, headers());
  const httplib::Response& response = answer_of(result, url);
  if (response.status == kNotFound && response.get_header_value("x-ms-error-code") != "ContainerNotFound") {
    return std::nullopt;
  }
  if (response.status != kOk) refused(response, url);
  Found found;
  found.size = std::strtoll(response.get_header_value("Content-Length").c_str(), nullptr, 10);
  found.last_modified = http::parse_http_date(response.get_header_value("Last-Modified")).value_or(Timestamp{});
  return found;
}

void RemoteBlobClient::get(const std::string& text, const std::filesystem::path& into) {
  const Url url = parse_url(text);
  auto client = connect(url);
  std::ofstream file(into, std::ios::binary | std::ios::trunc);
  int status = 0;
  const auto result = client.Get(
      url.target, headers(),
      [&](const httplib::Response& response) {
        status = response.status;
        return true;
      },
      [&](const char* bytes, std::size_t size) {
        if (status == kOk) file.write(bytes, static_cast<std::streamsize>(size));
        return static_cast<bool>(file);
      });
  const httplib::Response& response = answer_of(result, url);
  if (response.status != kOk) refused(response, url);
  if (!file.flush()) throw RemoteBlobError("cannot write " + into.string());
}

void RemoteBlobClient::put(const std::string& text, const std::filesystem::path& from) {
  const Url url = parse_url(text);
  auto client = connect(url);
  std::ifstream file(from, std::ios::binary);
  if (!file) throw RemoteBlobError("cannot read " + from.string());
  httplib::Headers sent = headers();
  sent.emplace("x-ms-blob-type", "BlockBlob");
  std::string piece;
  const auto result = client.Put(
      url.target, sent, std::filesystem::file_size(from),
      [&](std::size_t offset, std::size_t length, httplib::DataSink& sink) {
        constexpr std::size_t kPiece = std::size_t{256} * 1024;
        piece.resize(std::min(length, kPiece));
        file.seekg(static_cast<std::streamoff>(offset));
        return file.read(piece.data(), static_cast<std::streamsize>(piece.size())) &&
               sink.write(piece.data(), piece.size());
      },
      "application/octet-stream");
  const httplib::Response& response = answer_of(result, url);
  if (response.status != kCreated) refused(response, url);
}

void RemoteBlobClient::create_container(const std::string& text) {
  const Url url = parse_url(text);
  auto client = connect(url);
  const auto result = client.Put(url.target, headers(), std::string(), "application/octet-stream");
  const httplib::Response& response = answer_of(result, url);
  if (response.status != kCreated && response.status != kConflict) refused(response, url);
}

hub::RemoteStorageOptions parse_storage_connection_string(const std::string& text) {
  std::map<std::string, std::string> values;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(';', begin), text.size());
    const std::string pair = text.substr(begin, end - begin);
    begin = end + 1;
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    if (equals == std::string::npos) throw std::invalid_argument("a part of the connection string has no '='");
    values[text::lower(pair.substr(0, equals))] = pair.substr(equals + 1);
  }
  hub::RemoteStorageOptions options;
  if (values["usedevelopmentstorage"] == "true") {
    options.key = hub::built_in_account();
    options.endpoint = "http://127.0.0.1:10000/" + options.key.account;
    return options;
  }
  options.key = {values["accountname"], values["accountkey"]};
  if (options.key.account.empty() || !text::base64_decode(options.key.key) || options.key.key.empty()) {
    throw std::invalid_argument("the connection string needs AccountName and AccountKey (in base64)");
  }
  options.endpoint = values["blobendpoint"];
  if (options.endpoint.empty()) {
    const std::string& protocol = values["defaultendpointsprotocol"];
    const std::string& suffix = values["endpointsuffix"];
    options.endpoint = (protocol.empty() ? "https" : protocol) + "://" + options.key.account + ".blob." +
                       (suffix.empty() ? "core.windows.net" : suffix);
  }
  while (options.endpoint.ends_with('/')) options.endpoint.pop_back();
  if (!options.endpoint.starts_with("http://") && !options.endpoint.starts_with("https://")) {
    throw std::invalid_argument("BlobEndpoint is no http:// or https:// URL");
  }
  return options;
}

}  // namespace iothub::app
