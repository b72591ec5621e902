// Import and export jobs (rest.md 3, rows 27-30).
#include "emulator/hub/registry_jobs.h"

#include "emulator/heads/rest/call.h"
#include "emulator/heads/rest/operations.h"

namespace iothub::heads::rest {
namespace {

/// The URI of a container holds its SAS: newer hubs say none (probed), older ones did (recorded).
hub::Json shown_to(const Call& call, hub::Json job) {
  if (call.is_older_than(kPlugAndPlay)) return job;
  job.erase("inputBlobContainerUri");
  job.erase("outputBlobContainerUri");
  return job;
}

}  // namespace

void create_registry_job(Call& call) {
  const hub::Result<hub::Json> request = call.json_body();
  if (!request) return call.refuse(request.error());
  call.hub().registry_jobs().create(*request, [kept = call.shared_from_this()](hub::Result<hub::Json> job) {
    if (!job) return kept->refuse(job.error());
    kept->answer(shown_to(*kept, *job));
  });
}

void list_registry_jobs(Call& call) {
  hub::Json jobs = call.hub().registry_jobs().list();
  for (hub::Json& job : jobs) job = shown_to(call, std::move(job));
  call.answer(jobs);
}

void get_registry_job(Call& call) {
  const hub::Result<hub::Json> job = call.hub().registry_jobs().get(call.id(0));
  if (!job) return call.refuse(job.error());
  call.answer(shown_to(call, *job));
}

void cancel_registry_job(Call& call) {
  call.answer_done(call.hub().registry_jobs().cancel(call.id(0)));
}

}  // namespace iothub::heads::rest
