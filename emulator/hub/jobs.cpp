#include "emulator/hub/jobs.h"

#include <algorithm>
#include <cmath>

#include "emulator/hub/limits.h"
#include "emulator/hub/query/queries.h"
#include "emulator/hub/query/twin_row.h"
#include "emulator/hub/slice.h"
#include "emulator/hub/throttle.h"
#include "protocol/text/ascii.h"

namespace iothub::hub {
namespace {

constexpr std::string_view kJobs = "job";
constexpr std::string_view kDeviceJobs = query::kDeviceJobDocuments;
constexpr std::int64_t kDefaultExecutionSeconds = 3600;
constexpr std::size_t kMaxMethodsAtOnce = 50;
constexpr std::int64_t kJobsReadAtOnce = 100;

constexpr std::string_view kTypes[] = {"scheduleUpdateTwin", "scheduleDeviceMethod"};
constexpr std::string_view kStatuses[] = {"unknown", "enqueued",  "running",   "completed",
                                          "failed",  "cancelled", "scheduled", "queued"};

template <std::size_t N>
std::optional<std::string> canonical(const std::string_view (&words)[N], std::string_view said) {
  for (const std::string_view word : words) {
    if (text::equals_ignoring_case(word, said)) return std::string(word);
  }
  return std::nullopt;
}

/// Lower-case letters, digits, - and ' (probed); `--lenient` takes what SDK samples use: capitals, dots, underscores.
bool valid_job_id(std::string_view id, bool lenient) {
  return !id.empty() && id.size() <= kMaxJobIdLength && std::all_of(id.begin(), id.end(), [&](char c) {
    const bool strict = (c >= 'a' && c <= 'z') || text::is_digit(c) || c == '-' || c == '\'';
    return strict || (lenient && (text::is_alpha(c) || c == '_' || c == '.'));
  });
}

std::string device_job_id(const std::string& job, const Identity& identity) {
  return job + "\n" + identity.device.value + "\n" + identity.module.value;
}

struct Targets {
  query::Source source = query::Source::devices;
  query::ExpressionPtr condition;  ///< null: all
};

/// `*`, a WHERE condition, or `FROM devices.modules WHERE ...`.
Result<Targets> targets_of(const std::string& text) {
  if (text.empty() || text == "*") return Targets{};
  if (text::equals_ignoring_case(std::string_view(text).substr(0, 5), "from ")) {
    Result<query::Query> query = query::parse_query("SELECT * " + text);
    if (!query) return query.error();
    return Targets{query->source, std::move(query->where)};
  }
  Result<query::ExpressionPtr> condition = query::parse_condition(text);
  if (!condition) return condition.error();
  return Targets{query::Source::devices, std::move(*condition)};
}

Json statistics_of(std::int64_t devices, std::int64_t failed, std::int64_t succeeded, std::int64_t running,
                   std::int64_t pending) {
  return {{"deviceCount", devices},
          {"failedCount", failed},
          {"succeededCount", succeeded},
          {"runningCount", running},
          {"pendingCount", pending}};
}

}  // namespace

/// A job at work. Devices are looked at in key order; methods in flight are bounded.
struct Jobs::Running {
  bool dropped = false;  ///< its store's content was exchanged
  Json job;
  Targets targets;
  std::string after_device, after_module;
  bool all_looked_at = false;
  bool throttled = false;  ///< a later step is set
  std::size_t in_flight = 0;
  std::int64_t succeeded = 0;
  std::int64_t failed = 0;
};

Jobs::Jobs(storage::Store& store, Twins& twins, Methods& methods, const Links& links, Throttle& throttle,
           const Clock& clock, Scheduler& scheduler, bool lenient)
    : store_(store),
      twins_(twins),
      methods_(methods),
      links_(links),
      throttle_(throttle),
      clock_(clock),
      scheduler_(scheduler),
      lenient_(lenient) {}

Jobs::~Jobs() = default;

void Jobs::store_replaced() {
  waiting_.clear();
  for (const auto& [id, run] : running_) run->dropped = true;
  running_.clear();
  resume();
}

void Jobs::resume() {
  for (const storage::Store::Document& document : store_.documents(kJobs)) {
    const Json job = Json::parse(document.json);
    const std::string status = job["status"].get<std::string>();
    if (status == "queued" || status == "scheduled" || status == "running") schedule(job);
  }
}

std::optional<Json> Jobs::find(const std::string& id) const {
  const std::optional<std::string> document = store_.document(kJobs, id);
  return document ? std::optional(Json::parse(*document)) : std::nullopt;
}

void Jobs::store_job(const Json& job) {
  store_.put_document(kJobs, job["jobId"].get_ref<const std::string&>(), dump(job));
}

Result<Json> Jobs::create(const std::string& id, const Json& request) {
  if (!request.is_object()) return bad_request("the body is not a JSON object");
  if (!valid_job_id(id, lenient_)) {
    return bad_request("a job id has at most 64 lower-case letters, digits, - and ' (--lenient accepts more)");
  }
  const auto text = [&](const char* name) {
    const auto found = request.find(name);
    return found != request.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  const auto object = [&](const char* name) {
    const auto found = request.find(name);
    return found != request.end() && found->is_object() ? &*found : nullptr;
  };
  if (request.contains("jobId") && text("jobId") != id) return bad_request("the body's jobId is not the path's");
  const std::optional<std::string> type = canonical(kTypes, text("type"));
  if (!type) return bad_request("'type' is neither scheduleUpdateTwin nor scheduleDeviceMethod");
  const bool updates_twin = *type == kTypes[0];
  if (updates_twin) {
    const Json* twin = object("updateTwin");
    // Without the properties (or tags) wrapper the hub refuses (sdk-node #44).
    if (twin == nullptr || (!twin->contains("properties") && !twin->contains("tags"))) {
      return bad_request("'updateTwin' has neither tags nor properties");
    }
  } else {
    const Json* method = object("cloudToDeviceMethod");
    if (method == nullptr) return bad_request("'cloudToDeviceMethod' is missing");
    if (const Result<MethodCall> call = MethodCall::from_json(*method); !call) return call.error();
  }
  std::int64_t execution_seconds = kDefaultExecutionSeconds;
  if (const auto given = request.find("maxExecutionTimeInSeconds");
      given != request.end() && given->is_number_integer()) {
    execution_seconds = given->get<std::int64_t>();
  }
  Timestamp start_time = clock_.now();
  if (const std::string given = text("startTime"); !given.empty()) {
    const std::optional<Timestamp> parsed = text::parse_iso_time(given);
    if (!parsed) return bad_request("'startTime' is not an ISO 8601 time");
    if (*parsed > clock_.now().plus_seconds(kMaxJobDelaySeconds))
      return bad_request("'startTime' is more than 168 hours ahead");
    start_time = std::max(*parsed, start_time);
  }
  if (find(id)) return HubError{ErrorCode::JobAlreadyExists, "Job " + id + " already exists", {}, {}};

  Json job;
  job["jobId"] = id;
  job["queryCondition"] = text("queryCondition");
  job["createdTime"] = text::iso_time(clock_.now());
  job["startTime"] = text::iso_time(start_time);
  job["maxExecutionTimeInSeconds"] = execution_seconds;
  job["type"] = *type;
  job[updates_twin ? "updateTwin" : "cloudToDeviceMethod"] =
      *object(updates_twin ? "updateTwin" : "cloudToDeviceMethod");
  job["status"] = "queued";
  store_job(job);
  schedule(job);
  return job;
}

void Jobs::schedule(const Json& job) {
  const std::string id = job["jobId"].get<std::string>();
  const Timestamp at = text::parse_iso_time(job["startTime"].get<std::string>()).value_or(clock_.now());
  const std::int64_t wait = std::max<std::int64_t>(0, at.unix_milliseconds() - clock_.now().unix_milliseconds());
  if (wait > 0 && job["status"] == "queued") {
    // Queued for a moment, then scheduled until its time comes.
    Json scheduled = job;
    scheduled["status"] = "scheduled";
    store_job(scheduled);
  }
  auto timer = std::make_unique<Timer>(scheduler_);
  timer->set(std::chrono::milliseconds(wait), [this, id] { start(id); });
  waiting_[id] = std::move(timer);
}

void Jobs::start(const std::string& id) {
  waiting_.erase(id);
  std::optional<Json> job = find(id);
  if (!job) return;
  Result<Targets> targets = targets_of((*job)["queryCondition"].get<std::string>());
  if (!targets) return end(std::move(*job), "failed", targets.error().reason);

  auto run = std::make_shared<Running>();
  run->targets = std::move(*targets);
  (*job)["status"] = "running";
  store_job(*job);
  run->job = std::move(*job);
  running_[id] = std::move(run);
  step(id);
}

void Jobs::step(const std::string& id) {
  const auto found = running_.find(id);
  if (found == running_.end()) return;
  const std::shared_ptr<Running> run = found->second;
  if (run->throttled) return;
  const auto kind =
      run->targets.source == query::Source::modules ? storage::Store::Kind::modules : storage::Store::Kind::devices;

  const std::vector<storage::IdentityRow> rows =
      store_.identities_after(kind, run->after_device, run->after_module, kSliceCost);
  std::int64_t cost = 0;
  for (const storage::IdentityRow& row : rows) {
    if (run->in_flight >= kMaxMethodsAtOnce || cost >= kSliceCost) break;
    const bool selected = !run->targets.condition ||
                          query::is_true(evaluate(*run->targets.condition, query::TwinRow(store_, links_, row)));
    if (selected) {
      if (const auto wait = throttle_.wait_for(Operation::job_device); wait.count() > 0) {
        run->throttled = true;
        scheduler_.after(wait, [this, id, run] {
          run->throttled = false;
          step(id);
        });
        return;
      }
    }
    run->after_device = row.device_id;
    run->after_module = row.module_id;
    ++cost;
    if (!selected) continue;
    cost += 2 * kWriteCost;  // the twin or the method, and the device's row of the job
    run_on(run, {{row.device_id}, {row.module_id}});
  }
  run->all_looked_at =
      rows.empty() || (static_cast<std::int64_t>(rows.size()) < kSliceCost &&
                       rows.back().device_id == run->after_device && rows.back().module_id == run->after_module);
  if (run->all_looked_at) return finish_if_idle(run);
  // A full window goes on when an answer makes room.
  if (run->in_flight < kMaxMethodsAtOnce) scheduler_.after(std::chrono::milliseconds{0}, [this, id] { step(id); });
}

void Jobs::run_on(const std::shared_ptr<Running>& run, const Identity& identity) {
  const std::string id = run->job["jobId"].get<std::string>();
  const std::string key = device_job_id(id, identity);
  if (const std::optional<std::string> before = store_.document(kDeviceJobs, key)) {
    // Done before the process ended: a resumed job does nothing twice.
    const Json row = Json::parse(*before);
    if (row["status"] == "completed" || row["status"] == "failed") {
      ++(row["status"] == "completed" ? run->succeeded : run->failed);
      return;
    }
  }
  const std::string now = text::iso_time(clock_.now());
  Json row;
  row["deviceId"] = identity.device.value;
  if (identity.is_module()) row["moduleId"] = identity.module.value;
  row["jobId"] = id;
  row["jobType"] = run->job["type"];
  row["status"] = "running";
  row["startTimeUtc"] = now;
  row["endTimeUtc"] = now;
  row["createdDateTimeUtc"] = now;
  row["lastUpdatedDateTimeUtc"] = now;

  if (run->job.contains("updateTwin")) {
    Json patch = run->job["updateTwin"];
    const auto etag = patch.find("etag");
    const IfMatch if_match = etag != patch.end() && etag->is_string()
                                 ? IfMatch::parse(etag->get_ref<const std::string&>())
                                 : IfMatch::none();
    const Result<TwinView> patched = twins_.patch(identity, patch, if_match);
    if (patched) throttle_.charge(dump(run->job["updateTwin"]).size());
    return device_done(run, std::move(row), patched ? std::nullopt : std::optional(patched.error()));
  }

  store_.put_document(kDeviceJobs, key, dump(row));
  ++run->in_flight;
  MethodCall call = MethodCall::from_json(run->job["cloudToDeviceMethod"]).value();
  throttle_.charge(call.payload.size());
  methods_.invoke(identity, std::move(call), [this, run, row](const Result<MethodAnswer>& answer) {
    if (run->dropped) return;
    --run->in_flight;
    throttle_.charge(answer ? dump(answer->payload).size() : 0);
    Json done = row;
    if (answer)
      done["outcome"] = {{"deviceMethodResponse", {{"status", answer->status}, {"payload", answer->payload}}}};
    device_done(run, std::move(done), answer ? std::nullopt : std::optional(answer.error()));
    // Not from inside a hub call: the answer may come while the job still looks for devices.
    scheduler_.after(std::chrono::milliseconds{0}, [this, run] {
      if (run->all_looked_at) return finish_if_idle(run);
      step(run->job["jobId"].get<std::string>());
    });
  });
}

void Jobs::device_done(const std::shared_ptr<Running>& run, Json row, const std::optional<HubError>& error) {
  const std::string now = text::iso_time(clock_.now());
  row["status"] = !error ? "completed" : "failed";
  row["endTimeUtc"] = now;
  row["lastUpdatedDateTimeUtc"] = now;
  if (error) {
    row["error"] = {{"code", std::to_string(static_cast<int>(error->code))}, {"description", error->message}};
  }
  ++(!error ? run->succeeded : run->failed);
  const auto module = row.find("moduleId");
  const Identity identity{{row["deviceId"].get<std::string>()},
                          {module == row.end() ? std::string() : module->get<std::string>()}};
  store_.put_document(kDeviceJobs, device_job_id(run->job["jobId"].get<std::string>(), identity), dump(row));
}

void Jobs::finish_if_idle(const std::shared_ptr<Running>& run) {
  const auto found = running_.find(run->job["jobId"].get<std::string>());
  if (run->in_flight > 0 || found == running_.end() || found->second != run) return;
  running_.erase(found);
  Json job = run->job;
  job["deviceJobStatistics"] = statistics_of(run->succeeded + run->failed, run->failed, run->succeeded, 0, 0);
  end(std::move(job), "completed", {});
}

void Jobs::end(Json job, std::string_view status, const std::string& failure) {
  // endTime stands after startTime.
  Json ordered;
  for (auto& [name, value] : job.items()) {
    ordered[name] = value;
    if (name == "startTime") ordered["endTime"] = text::iso_time(clock_.now());
  }
  ordered["status"] = status;
  if (!failure.empty()) ordered["failureReason"] = failure;
  store_job(ordered);
}

Json Jobs::get(const std::string& id) const {
  std::optional<Json> job = find(id);
  if (!job) return {{"jobId", id}, {"type", "unknown"}, {"status", "unknown"}};
  return with_progress(std::move(*job));
}

Json Jobs::with_progress(Json job) const {
  if (const auto found = running_.find(job["jobId"].get_ref<const std::string&>()); found != running_.end()) {
    const Running& run = *found->second;
    const auto in_flight = static_cast<std::int64_t>(run.in_flight);
    job["deviceJobStatistics"] =
        statistics_of(run.succeeded + run.failed + in_flight, run.failed, run.succeeded, in_flight, 0);
  }
  return job;
}

Result<Json> Jobs::cancel(const std::string& id) {
  std::optional<Json> job = find(id);
  if (!job) return job_not_found(id);
  if (waiting_.erase(id) == 0) {
    return HubError{ErrorCode::OperationNotAllowedInCurrentState,
                    "Job " + id + " is " + (*job)["status"].get<std::string>(),
                    {},
                    {}};
  }
  end(*job, "cancelled", {});
  return *find(id);
}

Result<Jobs::Page> Jobs::list(std::string_view type, std::string_view status, std::int64_t page_size,
                              std::optional<std::string_view> continuation) const {
  if (!type.empty() && !canonical(kTypes, type)) return bad_request("'jobType' names no type of job");
  if (!status.empty() && !canonical(kStatuses, status)) return bad_request("'jobStatus' names no status");
  // Where the page before ended: the job's time and id.
  std::string created, id;
  if (continuation) {
    const std::size_t space = continuation->find(' ');
    created = continuation->substr(0, space);
    if (space != std::string_view::npos) id = continuation->substr(space + 1);
    if (id.empty() || !text::parse_iso_time(created)) {
      return bad_request("the continuation token is not one of this list");
    }
  }
  Page page;
  for (bool more = true; more;) {
    const std::vector<storage::Store::Document> batch = store_.jobs_made_before(created, id, kJobsReadAtOnce);
    more = static_cast<std::int64_t>(batch.size()) == kJobsReadAtOnce;
    for (const storage::Store::Document& document : batch) {
      Json job = with_progress(Json::parse(document.json));
      const bool type_fits =
          type.empty() || text::equals_ignoring_case(job["type"].get_ref<const std::string&>(), type);
      const bool status_fits =
          status.empty() || text::equals_ignoring_case(job["status"].get_ref<const std::string&>(), status);
      if (type_fits && status_fits) {
        if (static_cast<std::int64_t>(page.items.size()) >= page_size) {  // only one that fits makes another page
          page.continuation = created + " " + id;
          return page;
        }
        page.items.push_back(job);
      }
      created = job["createdTime"].get<std::string>();
      id = document.id;
    }
  }
  return page;
}

}  // namespace iothub::hub
