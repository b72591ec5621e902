// Import and export jobs (rest.md 3, rows 27-30).
#include "emulator/hub/registry_jobs.h"

#include "emulator/heads/rest/call.h"
#include "emulator/heads/rest/operations.h"

namespace iothub::heads::rest {

void create_registry_job(Call& call) {
  const hub::Result<hub::Json> request = call.json_body();
  if (!request) return call.refuse(request.error());
  call.hub().registry_jobs().create(*request, [kept = call.shared_from_this()](hub::Result<hub::Json> job) {
    if (!job) return kept->refuse(job.error());
    kept->answer(*job);
  });
}

void list_registry_jobs(Call& call) {
  call.answer(call.hub().registry_jobs().list());
}

void get_registry_job(Call& call) {
  const hub::Result<hub::Json> job = call.hub().registry_jobs().get(call.id(0));
  if (!job) return call.refuse(job.error());
  call.answer(*job);
}

void cancel_registry_job(Call& call) {
  call.answer_done(call.hub().registry_jobs().cancel(call.id(0)));
}

}  // namespace iothub::heads::rest
