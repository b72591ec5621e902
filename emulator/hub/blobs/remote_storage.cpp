#include "emulator/hub/blobs/remote_storage.h"

#include <spdlog/spdlog.h>

#include <memory>
#include <utility>

#include "protocol/text/percent.h"

namespace iothub::hub {
namespace {

constexpr std::int64_t kOwnSasSeconds = 600;

/// Slashes stay: they part a blob's name into folders.
std::string encoded(const std::string& blob_name) {
  std::string path;
  for (std::size_t begin = 0; begin <= blob_name.size();) {
    const std::size_t end = std::min(blob_name.find('/', begin), blob_name.size());
    path += (begin == 0 ? "" : "/") + text::percent_encode(blob_name.substr(begin, end - begin));
    begin = end + 1;
  }
  return path;
}

}  // namespace

RemoteStorage::RemoteStorage(RemoteStorageOptions options, RemoteBlobs& blobs, Background& background,
                             const Clock& clock)
    : options_(std::move(options)), blobs_(blobs), background_(background), clock_(clock) {
  const std::string sas = account_sas(options_.key, "cw", clock_.now().plus_seconds(kOwnSasSeconds));
  const std::string url = options_.endpoint + "/" + options_.container + sas + "&restype=container";
  background_.run([this, url] { blobs_.create_container(url); },
                  [this](const std::exception_ptr& failure) {
                    if (!failure) return spdlog::debug("uploads go to {}", options_.endpoint);
                    spdlog::error("the storage for uploads, {}: {}", options_.endpoint, text_of(failure));
                  });
}

BlobGrant RemoteStorage::grant(const std::string& blob_name, Timestamp expiry, const std::string&) {
  const std::size_t scheme = options_.endpoint.find("://");
  return {options_.endpoint.substr(scheme == std::string::npos ? 0 : scheme + 3), options_.container,
          blob_sas(options_.key, options_.container, blob_name, "rw", expiry)};
}

void RemoteStorage::properties(const std::string& blob_name,
                               std::function<void(std::optional<BlobProperties>)> answer) {
  const std::string sas =
      blob_sas(options_.key, options_.container, blob_name, "r", clock_.now().plus_seconds(kOwnSasSeconds));
  const std::string url = options_.endpoint + "/" + options_.container + "/" + encoded(blob_name) + sas;
  const auto found = std::make_shared<std::optional<RemoteBlobs::Found>>();
  background_.run([this, url, found] { *found = blobs_.head(url); },
                  [found, answer = std::move(answer), blob_name](const std::exception_ptr& failure) {
                    if (failure) spdlog::error("the uploaded blob '{}': {}", blob_name, text_of(failure));
                    if (failure || !*found) return answer(std::nullopt);
                    answer(BlobProperties{(*found)->size, (*found)->last_modified});
                  });
}

}  // namespace iothub::hub
