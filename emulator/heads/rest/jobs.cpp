// Scheduled jobs (rest.md 3, rows 31-34).
#include "emulator/hub/jobs.h"

#include "emulator/heads/rest/call.h"
#include "emulator/heads/rest/operations.h"
#include "emulator/heads/rest/page_size.h"

namespace iothub::heads::rest {

void create_job(Call& call) {
  const hub::Result<hub::Json> body = call.json_body();
  if (!body) return call.refuse(body.error());
  const hub::Result<hub::Json> job = call.hub().jobs().create(call.id(0), *body);
  if (!job) return call.refuse(job.error());
  call.answer(*job);
}

void get_job(Call& call) {
  call.answer(call.hub().jobs().get(call.id(0)));
}

void cancel_job(Call& call) {
  const hub::Result<hub::Json> job = call.hub().jobs().cancel(call.id(0));
  if (!job) return call.refuse(job.error());
  call.answer(*job);
}

void query_jobs(Call& call) {
  const hub::Result<std::optional<std::int64_t>> page_size = page_size_of(call);
  if (!page_size) return call.refuse(page_size.error());
  const auto parameter = [&](const char* name) {
    const std::string* value = call.target().parameter(name);
    return value == nullptr ? std::string_view() : std::string_view(*value);
  };
  hub::Result<hub::Jobs::Page> page = call.hub().jobs().list(parameter("jobType"), parameter("jobStatus"),
                                                             page_size->value_or(hub::query::kDefaultPageSize),
                                                             http::find(call.request().headers, "x-ms-continuation"));
  if (!page) return call.refuse(page.error());
  http::Headers headers{{"x-ms-item-type", "JobResponse"}};
  if (page->continuation) headers.push_back({"x-ms-continuation", *page->continuation});
  call.answer(page->items, std::move(headers));  // a bare array: what C#, Node and Java read
}

}  // namespace iothub::heads::rest
