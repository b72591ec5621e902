#include "emulator/hub/registry_jobs.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include "emulator/hub/background.h"
#include "emulator/hub/blobs/blob_account.h"
#include "emulator/hub/blobs/remote_blobs.h"
#include "emulator/hub/bulk.h"
#include "emulator/hub/etag.h"
#include "emulator/hub/guid.h"
#include "emulator/hub/hub.h"
#include "emulator/hub/identity_json.h"
#include "protocol/text/ascii.h"
#include "protocol/text/percent.h"
#include "storage/store.h"

namespace iothub::hub {
namespace {

constexpr const char* kKind = "registry_job";
constexpr std::int64_t kIdentitiesASlice = 40;
constexpr std::size_t kLinesASlice = 15;
constexpr std::size_t kReadAtOnce = std::size_t{64} * 1024;
constexpr std::size_t kLongestLine = std::size_t{1024} * 1024;
constexpr const char* kErrorsBlob = "importErrors.log";
constexpr const char* kKeysExcluded = "Device keys are not exported: excludeKeysInExport is true.";

using Writer = storage::BlobFiles::Writer;
/// Empty: no problem.
using Done = std::function<void(const std::string& problem)>;

HubError bad_container(std::string reason) {
  return {
      ErrorCode::BlobContainerValidationError, "Unauthorized to write to output blob container", std::move(reason), {}};
}

/// `https://host[:port]/path?query`
struct ContainerUri {
  std::string base;  ///< up to the query
  std::string host;
  std::uint16_t port = 443;
  std::string path;
  std::string query;
};

std::optional<ContainerUri> parse_uri(const std::string& text) {
  ContainerUri uri;
  const std::size_t scheme = text.find("://");
  if (scheme == std::string::npos) return std::nullopt;
  if (const std::string name = text::lower(text.substr(0, scheme)); name == "http") {
    uri.port = 80;
  } else if (name != "https") {
    return std::nullopt;
  }
  const std::size_t path = text.find('/', scheme + 3);
  if (path == std::string::npos) return std::nullopt;
  const std::size_t query = std::min(text.find('?', path), text.size());
  std::string authority = text.substr(scheme + 3, path - scheme - 3);
  const std::size_t colon = authority.rfind(':');
  if (colon != std::string::npos && authority.find(']', colon) == std::string::npos) {
    const std::string digits = authority.substr(colon + 1);
    if (digits.empty() || digits.size() > 5 || !std::all_of(digits.begin(), digits.end(), text::is_digit)) {
      return std::nullopt;
    }
    uri.port = static_cast<std::uint16_t>(std::stoul(digits));
    authority.resize(colon);
  }
  uri.host = std::move(authority);
  uri.path = text.substr(path, query - path);
  while (uri.path.ends_with('/')) uri.path.pop_back();
  uri.base = text.substr(0, path) + uri.path;
  uri.query = query < text.size() ? text.substr(query + 1) : "";
  return uri;
}

NamedValues parameters_of(std::string_view query) {
  NamedValues values;
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const std::string_view value = pair.substr(std::min(equals + 1, pair.size()));
    values.emplace_back(std::string(pair.substr(0, equals)), text::percent_decode(value).value_or(""));
  }
  return values;
}

/// Lines of a blob, read piece by piece.
class Lines {
 public:
  Lines(const storage::BlobFiles& files, std::vector<BlobPart> parts) : files_(files), parts_(std::move(parts)) {}

  /// The next line without its end; nothing after the last. Throws storage::Error.
  std::optional<std::string> next() {
    for (;;) {
      const std::size_t end = buffer_.find('\n', at_);
      if (end != std::string::npos || (part_ == parts_.size() && at_ < buffer_.size())) {
        std::string line = buffer_.substr(at_, std::min(end, buffer_.size()) - at_);
        at_ = std::min(end, buffer_.size() - 1) + 1;
        if (line.ends_with('\r')) line.pop_back();
        return line;
      }
      if (part_ == parts_.size()) return std::nullopt;
      if (buffer_.size() - at_ > kLongestLine) throw storage::Error("a line is longer than 1 MiB");
      fill();
    }
  }

 private:
  void fill() {
    buffer_.erase(0, std::exchange(at_, 0));
    const BlobPart& part = parts_[part_];
    if (!reader_) reader_ = files_.open(part.file);
    const std::int64_t size = std::min<std::int64_t>(part.size - offset_, kReadAtOnce);
    reader_->read(offset_, static_cast<std::size_t>(size), buffer_);
    offset_ += size;
    if (offset_ < part.size) return;
    ++part_;
    offset_ = 0;
    reader_.reset();
  }

  const storage::BlobFiles& files_;
  const std::vector<BlobPart> parts_;
  std::size_t part_ = 0;
  std::int64_t offset_ = 0;
  std::unique_ptr<storage::BlobFiles::Reader> reader_;
  std::string buffer_;
  std::size_t at_ = 0;
};

Json export_entry(Hub& hub, const storage::IdentityRow& row, bool exclude_keys) {
  const Identity identity{{row.device_id}, {row.module_id}};
  Json entry = {{"id", row.device_id}};
  if (identity.is_module()) entry["moduleId"] = row.module_id;
  entry["eTag"] = identity_etag(row.etag);
  entry["status"] = row.enabled ? "enabled" : "disabled";
  if (row.status_reason) entry["statusReason"] = *row.status_reason;
  IdentityView view;
  view.row = row;
  entry["authentication"] = exclude_keys ? Json(nullptr) : identity_to_json(view)["authentication"];
  if (const Result<TwinView> twin = hub.twins().get(identity)) {
    entry["twinETag"] = twin_etag(twin->twin->etag);
    entry["tags"] = twin->twin->tags;
    entry["properties"] = {{"desired", twin->twin->desired.values}, {"reported", twin->twin->reported.values}};
  }
  if (!identity.is_module()) entry["capabilities"] = {{"iotEdge", row.iot_edge}};
  if (row.managed_by) entry["managedBy"] = *row.managed_by;
  if (row.device_scope) entry["deviceScope"] = *row.device_scope;
  if (!row.parent_scopes.empty()) entry["parentScopes"] = Json::parse(row.parent_scopes);
  return entry;
}

bool true_member(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

}  // namespace

/// Where a job reads or writes blobs.
class RegistryJobs::Container {
 public:
  using Got = std::function<void(const std::string& problem, std::vector<BlobPart> parts)>;
  virtual ~Container() = default;
  /// Whether the URI's SAS opens the container.
  virtual void check(const std::string& blob, Done done) = 0;
  virtual void put(const std::string& blob, std::shared_ptr<Writer> file, Done done) = 0;
  virtual void get(const std::string& blob, Got got) = 0;
};

/// Of the hub's own storage.
class RegistryJobs::OwnContainer final : public Container {
 public:
  OwnContainer(Hub& hub, ContainerUri uri, std::string permissions)
      : hub_(hub), uri_(std::move(uri)), permissions_(std::move(permissions)) {
    name_ = text::percent_decode(uri_.path.substr(uri_.path.rfind('/') + 1)).value_or("");
  }

  void check(const std::string& blob, Done done) override {
    const NamedValues query = parameters_of(uri_.query);
    const NamedValues headers;
    const auto access =
        check_blob_request(account().key(), {"PUT", uri_.path, query, headers, name_, blob}, account().now());
    if (!access) return done(access.error().reason);
    const auto allowed = access->authorize(BlobResource::blob, permissions_, permissions_);
    if (!allowed) return done(allowed.error().reason);
    const auto there = account().container(name_);
    done(there ? std::string() : there.error().reason);
  }

  void put(const std::string& blob_name, std::shared_ptr<Writer> file, Done done) override {
    hub_.background().run([file] { file->finish(); },
                          [this, blob_name, file, done = std::move(done)](const std::exception_ptr& failure) {
                            if (failure) return done(text_of(failure));
                            Blob blob;
                            blob.container = name_;
                            blob.name = blob_name;
                            blob.parts = {{{}, file->name(), file->size()}};
                            const auto put = account().put(std::move(blob), {});
                            done(put ? std::string() : put.error().reason);
                          });
  }

  void get(const std::string& blob_name, Got got) override {
    const auto blob = account().blob(name_, blob_name);
    if (!blob) return got(blob.error().reason, {});
    got({}, blob->parts);
  }

 private:
  BlobAccount& account() { return *hub_.blobs(); }

  Hub& hub_;
  const ContainerUri uri_;
  const std::string permissions_;
  std::string name_;
};

/// Of another storage; its blobs come and go through files of ours.
class RegistryJobs::RemoteContainer final : public Container {
 public:
  RemoteContainer(Hub& hub, ContainerUri uri, RemoteBlobs& remote)
      : hub_(hub), folder_(hub.blobs()->files()), uri_(std::move(uri)), remote_(remote) {}
  ~RemoteContainer() override {
    for (const std::string& file : files_) folder_.remove(file);
  }

  void check(const std::string& blob, Done done) override {
    hub_.background().run([&remote = remote_, url = url_of(blob)] { remote.head(url); },
                          [done = std::move(done)](const std::exception_ptr& failure) {
                            done(failure ? text_of(failure) : std::string());
                          });
  }

  void put(const std::string& blob, std::shared_ptr<Writer> file, Done done) override {
    files_.push_back(file->name());
    hub_.background().run(
        [&remote = remote_, url = url_of(blob), file, path = folder_.path(file->name())] {
          file->finish();
          remote.put(url, path);
        },
        [done = std::move(done)](const std::exception_ptr& failure) {
          done(failure ? text_of(failure) : std::string());
        });
  }

  void get(const std::string& blob, Got got) override {
    const std::string name = hub_.blobs()->new_file()->name();
    files_.push_back(name);
    const std::filesystem::path path = folder_.path(name);
    hub_.background().run([&remote = remote_, url = url_of(blob), path] { remote.get(url, path); },
                          [name, path, got = std::move(got)](const std::exception_ptr& failure) {
                            if (failure) return got(text_of(failure), {});
                            got({}, {{{}, name, static_cast<std::int64_t>(std::filesystem::file_size(path))}});
                          });
  }

 private:
  std::string url_of(const std::string& blob) const {
    return uri_.base + "/" + text::percent_encode(blob) + "?" + uri_.query;
  }

  Hub& hub_;
  const storage::BlobFiles folder_;  ///< a copy: a job at work may outlive its hub
  const ContainerUri uri_;
  RemoteBlobs& remote_;
  std::vector<std::string> files_;
};

struct RegistryJobs::Running {
  std::string id;
  bool exports = false;
  bool exclude_keys = false;
  bool include_configurations = false;
  std::string input_uri, output_uri;
  std::string input_blob, output_blob, configurations_blob;
  std::unique_ptr<Container> input, output;
  Timestamp started, ended;
  std::string status = "enqueued";
  std::string failure;

  std::shared_ptr<Writer> file;  ///< what is exported, or the errors of an import
  storage::Store::Kind kind = storage::Store::Kind::devices;
  std::string after_device, after_module;
  std::unique_ptr<Lines> lines;
  bool wrote_errors = false;

  /// Recorded order; only the answer to who creates the job names the input.
  Json json(bool with_input = false) const {
    Json job = {{"jobId", id}, {"startTimeUtc", text::iso_time(started)}};
    if (ended.ticks != 0) job["endTimeUtc"] = text::iso_time(ended);
    job["type"] = exports ? "export" : "import";
    job["status"] = status;
    job["progress"] = status == "completed" ? 100 : 0;
    if (with_input && !exports) job["inputBlobContainerUri"] = input_uri;
    job["outputBlobContainerUri"] = output_uri;
    job["excludeKeysInExport"] = exclude_keys;
    job["useSecondaryStorageAsSource"] = false;
    if (include_configurations) job["includeConfigurations"] = true;
    if (!failure.empty()) job["failureReason"] = failure;
    return job;
  }
};

RegistryJobs::RegistryJobs(Hub& hub, storage::Store& store, Scheduler& scheduler, RandomSource& random)
    : hub_(hub), store_(store), random_(random), slice_(scheduler) {}

RegistryJobs::~RegistryJobs() = default;

void RegistryJobs::resume() {
  for (const storage::Store::Document& document : store_.documents(kKind)) {
    Json job = Json::parse(document.json);
    if (job["status"] != "enqueued" && job["status"] != "running") continue;
    job["status"] = "failed";
    job["failureReason"] = "The emulator ended while the job ran";
    store_.put_document(kKind, document.id, dump(job));
  }
}

void RegistryJobs::store_replaced() {
  slice_.cancel();
  running_.reset();
  resume();
}

// ---- requests -------------------------------------------------------------------------------------------------------

Result<std::unique_ptr<RegistryJobs::Container>> RegistryJobs::open(const std::string& text,
                                                                    std::string_view permissions) {
  const std::optional<ContainerUri> uri = parse_uri(text);
  if (!uri) return bad_container("the container's URI cannot be read");
  if (hub_.blobs() == nullptr) return bad_container("the hub has no storage");
  const BlobAccount& account = *hub_.blobs();
  const std::string own = "/" + account.name() + "/";
  if (uri->port == account.port() && names_host(uri->host, hub_.host_names()) && uri->path.starts_with(own)) {
    return std::unique_ptr<Container>(std::make_unique<OwnContainer>(hub_, *uri, std::string(permissions)));
  }
  if (remote_ == nullptr) return bad_container("'" + uri->host + "' is not the hub's own storage");
  return std::unique_ptr<Container>(std::make_unique<RemoteContainer>(hub_, *uri, *remote_));
}

void RegistryJobs::create(const Json& request, Answer answer) {
  if (!request.is_object()) return answer(bad_request("the body is not a JSON object"));
  const std::string type = text_member(request, "type");
  auto job = std::make_shared<Running>();
  job->exports = text::equals_ignoring_case(type, "export");
  if (!job->exports && !text::equals_ignoring_case(type, "import")) {
    return answer(bad_request("'type' is neither export nor import"));
  }
  if (text::equals_ignoring_case(text_member(request, "storageAuthenticationType"), "identityBased")) {
    return answer(not_implemented("an import or export job with identity-based storage"));
  }
  job->include_configurations = true_member(request, "includeConfigurations");
  if (!job->exports && job->include_configurations) return answer(not_implemented("the import of configurations"));
  if (running_) {
    return answer(HubError{ErrorCode::JobQuotaExceeded,
                           "Total number of jobs exceeds the quota",
                           "job " + running_->id + " runs: one import or export at a time",
                           {}});
  }

  job->exclude_keys = true_member(request, "excludeKeysInExport");
  job->input_blob = text_member(request, "inputBlobName", "devices.txt");
  job->output_blob = text_member(request, "outputBlobName", "devices.txt");
  job->configurations_blob = text_member(request, "configurationsBlobName", "configurations.txt");
  job->output_uri = text_member(request, "outputBlobContainerUri");
  auto output = open(job->output_uri, "cw");
  if (!output) return answer(output.error());
  job->output = std::move(*output);
  if (!job->exports) {
    job->input_uri = text_member(request, "inputBlobContainerUri");
    auto input = open(job->input_uri, "r");
    if (!input) return answer(input.error());
    job->input = std::move(*input);
  }
  job->id = new_guid(random_);
  running_ = job;  // from here on no other begins
  job->output->check(job->exports ? job->output_blob : kErrorsBlob,
                     [this, job, answer = std::move(answer)](const std::string& problem) {
                       if (!problem.empty()) return refuse(job, problem, answer);
                       if (job->exports) return start(job, answer);
                       job->input->check(job->input_blob, [this, job, answer](const std::string& input_problem) {
                         if (!input_problem.empty()) return refuse(job, input_problem, answer);
                         start(job, answer);
                       });
                     });
}

void RegistryJobs::refuse(const std::shared_ptr<Running>& job, const std::string& problem, const Answer& answer) {
  if (running_ == job) running_.reset();
  answer(bad_container(problem));
}

void RegistryJobs::start(const std::shared_ptr<Running>& job, const Answer& answer) {
  if (running_ != job) return answer(bad_container("the hub's content was replaced meanwhile"));
  job->started = hub_.clock().now();
  save(*job);
  then(&RegistryJobs::begin);
  answer(job->json(true));
}

Json RegistryJobs::list() {
  Json jobs = Json::array();
  for (const storage::Store::Document& document : store_.documents(kKind)) jobs.push_back(Json::parse(document.json));
  return jobs;
}

Result<Json> RegistryJobs::get(const std::string& id) {
  const std::optional<std::string> job = store_.document(kKind, id);
  if (!job) return job_not_found(id);
  return Json::parse(*job);
}

Result<void> RegistryJobs::cancel(const std::string& id) {
  const Result<Json> job = get(id);
  if (!job) return job.error();
  if (!running_ || running_->id != id) {
    return HubError{ErrorCode::OperationNotAllowedInCurrentState, "Job " + id + " has ended", {}, {}};
  }
  end("cancelled");
  return {};
}

// ---- work -----------------------------------------------------------------------------------------------------------

void RegistryJobs::save(const Running& job) {
  store_.put_document(kKind, job.id, dump(job.json()));
}

void RegistryJobs::end(const char* status, const std::string& failure) {
  slice_.cancel();
  const std::shared_ptr<Running> job = std::exchange(running_, nullptr);
  job->status = status;
  job->failure = failure;
  job->ended = hub_.clock().now();
  save(*job);
}

/// Runs a step of the job later; what it cannot do fails the job.
void RegistryJobs::then(void (RegistryJobs::*step)()) {
  slice_.set(std::chrono::milliseconds{0}, [this, step] {
    if (!running_) return;
    try {
      (this->*step)();
    } catch (const storage::Error& error) {
      slice_.set(std::chrono::milliseconds{0}, [this, text = std::string(error.what())] {
        if (running_) end("failed", text);
      });
      throw;  // the turn has failed as well
    }
  });
}

void RegistryJobs::begin() {
  if (!running_) return;
  const std::shared_ptr<Running> job = running_;
  job->status = "running";
  save(*job);
  if (job->exports) {
    job->file = hub_.blobs()->new_file();
    if (job->exclude_keys) job->file->append(std::string(kKeysExcluded) + "\n");
    return then(&RegistryJobs::export_slice);
  }
  job->input->get(job->input_blob, [this, job](const std::string& problem, std::vector<BlobPart> parts) {
    if (running_ != job) return;
    if (!problem.empty()) return end("failed", problem);
    job->lines = std::make_unique<Lines>(hub_.blobs()->files(), std::move(parts));
    job->file = hub_.blobs()->new_file();
    then(&RegistryJobs::import_slice);
  });
}

void RegistryJobs::export_slice() {
  using Kind = storage::Store::Kind;
  Running& job = *running_;
  const std::vector<storage::IdentityRow> rows =
      store_.identities_after(job.kind, job.after_device, job.after_module, kIdentitiesASlice);
  for (const storage::IdentityRow& row : rows) {
    job.file->append(dump(export_entry(hub_, row, job.exclude_keys)) + "\n");
    job.after_device = row.device_id;
    job.after_module = row.module_id;
  }
  if (!rows.empty()) return then(&RegistryJobs::export_slice);
  if (std::exchange(job.kind, Kind::modules) == Kind::devices) {
    job.after_device.clear();
    job.after_module.clear();
    return then(&RegistryJobs::export_slice);
  }
  put(job.output_blob, job.include_configurations ? &RegistryJobs::export_configurations : &RegistryJobs::complete);
}

void RegistryJobs::export_configurations() {
  running_->file = hub_.blobs()->new_file();
  for (const Json& configuration : hub_.configurations().list()) running_->file->append(dump(configuration) + "\n");
  put(running_->configurations_blob, &RegistryJobs::complete);
}

void RegistryJobs::import_slice() {
  Running& job = *running_;
  for (std::size_t i = 0; i < kLinesASlice; ++i) {
    const std::optional<std::string> line = job.lines->next();
    if (!line) {
      if (!job.wrote_errors) return complete();
      return put(kErrorsBlob, &RegistryJobs::complete);
    }
    if (!line->empty()) import_line(*line);
  }
  then(&RegistryJobs::import_slice);
}

void RegistryJobs::import_line(std::string_view line) {
  const auto log = [this](const Json& entry) {
    running_->file->append(dump(entry) + "\n");
    running_->wrote_errors = true;
  };
  const Result<Json> entry = parse_json(line);
  if (!entry || !entry->is_object()) {
    return log(bulk_error(Json::object(), argument_invalid("The line is not a JSON object")));
  }
  if (text_member(*entry, "id").empty()) return log(bulk_error(*entry, argument_invalid("'id' is missing")));
  // The hub's own import wants it on every line (probed).
  if (text_member(*entry, "status").empty()) return log(bulk_error(*entry, argument_invalid("'status' is missing")));
  Json warnings = Json::array();
  const Result<void> done = run_bulk_entry(hub_.registry(), hub_.twins(), *entry, warnings);
  if (!done) log(bulk_error(*entry, done.error()));
  for (const Json& warning : warnings) log(warning);
}

void RegistryJobs::put(const std::string& blob, void (RegistryJobs::*next)()) {
  running_->output->put(blob, std::exchange(running_->file, nullptr),
                        [this, job = running_, next](const std::string& problem) {
                          if (running_ != job) return;
                          if (!problem.empty()) return end("failed", problem);
                          then(next);
                        });
}

void RegistryJobs::complete() {
  end("completed");
}

}  // namespace iothub::hub
