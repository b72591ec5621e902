#include "emulator/hub/uploads.h"

#include <algorithm>
#include <utility>

#include "emulator/hub/guid.h"
#include "emulator/hub/limits.h"
#include "storage/store.h"

namespace iothub::hub {
namespace {

/// How long an expired upload is still told from an unknown one.
constexpr std::int64_t kExpiredKeptSeconds = 24 * 3600;

/// Each device's uploads are a collection of their own, so that counting them reads no others.
std::string kind_of(const DeviceId& device) {
  return "upload/" + device.value;
}

Result<std::string> blob_name_in(const Json& request) {
  const auto name = request.is_object() ? request.find("blobName") : request.end();
  if (name == request.end() || !name->is_string() || name->get_ref<const std::string&>().empty()) {
    return bad_request("there is no blobName");
  }
  std::string blob = name->get<std::string>();
  const auto segments = static_cast<std::size_t>(std::count(blob.begin(), blob.end(), '/')) + 1;
  if (blob.size() > kMaxBlobNameLength) return bad_request("blobName has more than 1024 characters");
  if (segments > kMaxBlobNameSegments) return bad_request("blobName has more than 254 segments");
  return blob;
}

}  // namespace

Uploads::Uploads(storage::Store& store, const Clock& clock, Scheduler& scheduler, RandomSource& random)
    : store_(store), clock_(clock), random_(random), notifications_(store, clock, scheduler, random) {}

std::int64_t Uploads::count_active(const std::string& kind) {
  const std::int64_t now = clock_.now().ticks;
  const std::int64_t forgotten = clock_.now().plus_seconds(-kExpiredKeptSeconds).ticks;
  std::int64_t active = 0;
  for (const storage::Store::Document& upload : store_.documents(kind)) {
    const auto expiry = Json::parse(upload.json)["expiry"].get<std::int64_t>();
    if (expiry > now) ++active;
    if (expiry <= forgotten) store_.remove_document(kind, upload.id);
  }
  return active;
}

Result<Json> Uploads::begin(const DeviceId& device, const Json& request, const std::string& client_host) {
  if (storage_ == nullptr) return no_upload_storage();
  const Result<std::string> name = blob_name_in(request);
  if (!name) return name.error();
  const std::string kind = kind_of(device);
  if (count_active(kind) >= kMaxActiveUploads) return too_many_uploads();

  const Timestamp expiry = clock_.now().plus_seconds(kUploadSeconds);
  const std::string blob = device.value + "/" + *name;
  const std::string correlation_id = new_guid(random_);
  BlobGrant grant = storage_->grant(blob, expiry, client_host);
  const std::string uri = "https://" + grant.host_name + "/" + grant.container + "/" + blob;
  store_.put_document(kind, correlation_id, dump({{"blobName", blob}, {"blobUri", uri}, {"expiry", expiry.ticks}}));
  Json answer;
  answer["correlationId"] = correlation_id;
  answer["hostName"] = std::move(grant.host_name);
  answer["containerName"] = std::move(grant.container);
  answer["blobName"] = blob;
  answer["sasToken"] = std::move(grant.sas_token);
  return answer;
}

void Uploads::complete(const DeviceId& device, std::string_view correlation_id, const Json& request, Answer answer) {
  if (!request.is_object()) return answer(bad_request("the body is not a JSON object"));
  std::string id(correlation_id);
  if (const auto said = request.find("correlationId"); id.empty() && said != request.end() && said->is_string()) {
    id = said->get<std::string>();
  }
  const std::optional<std::string> document = store_.document(kind_of(device), id);
  if (!document) return answer(unknown_upload());
  const Json upload = Json::parse(*document);
  if (upload["expiry"].get<std::int64_t>() <= clock_.now().ticks) return answer(expired_upload());
  const auto success = request.find("isSuccess");
  if (success == request.end() || !success->is_boolean()) return answer(bad_upload_completion());

  const auto blob = upload["blobName"].get<std::string>();
  if (!success->get<bool>()) {
    store_.remove_document(kind_of(device), id);
    return answer({});
  }
  if (storage_ == nullptr) return answer(uploaded_blob_missing(blob));
  storage_->properties(blob, [this, device, id, answer = std::move(answer)](std::optional<BlobProperties> properties) {
    answer(finish(device, id, properties));
  });
}

Result<void> Uploads::finish(const DeviceId& device, const std::string& id,
                             const std::optional<BlobProperties>& properties) {
  // Looked for again: another completion may have come while the storage was asked.
  const std::optional<std::string> document = store_.document(kind_of(device), id);
  if (!document) return unknown_upload();
  const Json upload = Json::parse(*document);
  const auto blob = upload["blobName"].get<std::string>();
  if (!properties) return uploaded_blob_missing(blob);
  notifications_.add(device, blob, upload["blobUri"].get<std::string>(), *properties);
  store_.remove_document(kind_of(device), id);
  return {};
}

void Uploads::device_removed(const DeviceId& device) {
  const std::string kind = kind_of(device);
  if (!store_.documents_after(kind, {}, 1).empty()) store_.remove_documents(kind);
}

}  // namespace iothub::hub
