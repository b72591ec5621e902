#include "emulator/hub/registry_jobs.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <optional>

#include "emulator/hub/blobs/blob_account.h"
#include "tests/unit/support/temporary_folder.h"
#include "tests/unit/support/test_hub.h"

using namespace iothub;
using namespace iothub::hub;
using namespace iothub::test;

namespace {

struct ExportWorld {
  ExportWorld() {
    hub.hub.open_blobs({.folder = folder.path() / "blobs", .durable = false});
    blobs().create_container("box", {}).value();
  }
  BlobAccount& blobs() { return *hub.hub.blobs(); }
  RegistryJobs& jobs() { return hub.hub.registry_jobs(); }

  std::string uri(const std::string& permissions = "rw") {
    return "https://localhost/devstoreaccount1/box" +
           blob_sas(blobs().key(), "box", {}, permissions, hub.clock.now().plus_seconds(60));
  }
  Result<Json> create(const Json& request) {
    std::optional<Result<Json>> answer;
    jobs().create(request, [&](Result<Json> given) { answer.emplace(std::move(given)); });
    REQUIRE(answer);
    return *answer;
  }
  Json ended(const std::string& id) {
    hub.scheduler.advance(std::chrono::milliseconds(10));
    return jobs().get(id).value();
  }
  std::string content(const std::string& name) {
    const Blob blob = blobs().blob("box", name).value();
    std::string bytes;
    for (const BlobPart& part : blob.parts) {
      blobs().files().open(part.file)->read(0, static_cast<std::size_t>(part.size), bytes);
    }
    return bytes;
  }
  void put(const std::string& name, std::string_view content) {
    const auto file = blobs().new_file();
    file->append(content);
    file->finish();
    Blob blob;
    blob.container = "box";
    blob.name = name;
    blob.parts = {{{}, file->name(), file->size()}};
    blobs().put(std::move(blob), {}).value();
  }

  TemporaryFolder folder;
  TestHub hub;
};

}  // namespace

TEST_CASE("an export runs in slices, one job at a time, and tells of its end") {
  ExportWorld jobs;
  for (int i = 0; i < 250; ++i) jobs.hub.create("d" + std::to_string(i));
  jobs.hub.create("d1", "m");
  const Json job = jobs.create({{"type", "export"}, {"outputBlobContainerUri", jobs.uri()}}).value();
  CHECK(job.dump() == R"({"jobId":")" + job["jobId"].get<std::string>() +
                          R"(","startTimeUtc":"2026-11-22T02:33:52Z","type":"export","status":"enqueued","progress":0,)"
                          R"("outputBlobContainerUri":")" +
                          jobs.uri() + R"(","excludeKeysInExport":false,"useSecondaryStorageAsSource":false})");
  CHECK(jobs.create({{"type", "export"}, {"outputBlobContainerUri", jobs.uri()}}).error().code ==
        ErrorCode::JobQuotaExceeded);
  const Json done = jobs.ended(job["jobId"].get<std::string>());
  CHECK(done["status"] == "completed");
  CHECK(done["progress"] == 100);
  const std::string text = jobs.content("devices.txt");
  CHECK(std::count(text.begin(), text.end(), '\n') == 251);
  CHECK(text.find(R"({"id":"d1","moduleId":"m",)") != std::string::npos);
}

TEST_CASE("an import does each line and logs what it could not do") {
  ExportWorld jobs;
  jobs.put("devices.txt",
           "{\"id\":\"a\",\"status\":\"enabled\"}\r\n\n{\"id\":\"b\"}\n{\"id\":\"c\",\"status\":\"disabled\"}");
  const Json job =
      jobs.create(
              {{"type", "import"}, {"inputBlobContainerUri", jobs.uri("r")}, {"outputBlobContainerUri", jobs.uri("w")}})
          .value();
  CHECK(jobs.ended(job["jobId"].get<std::string>())["status"] == "completed");
  CHECK(jobs.hub.hub.registry().get({{"a"}, {}}));
  CHECK_FALSE(jobs.hub.hub.registry().get({{"c"}, {}}).value().row.enabled);
  CHECK(jobs.content("importErrors.log") ==
        "{\"deviceId\":\"b\",\"errorCode\":400004,\"errorStatus\":\"'status' is missing\"}\n");
}

TEST_CASE("a container is looked at before a job begins") {
  ExportWorld jobs;
  for (const std::string& wrong : {jobs.uri("r"), std::string("https://localhost/devstoreaccount1/box"),
                                   std::string("https://elsewhere/devstoreaccount1/box"), std::string("box")}) {
    CHECK(jobs.create({{"type", "export"}, {"outputBlobContainerUri", wrong}}).error().code ==
          ErrorCode::BlobContainerValidationError);
  }
  CHECK(jobs.create({{"type", "export"}, {"outputBlobContainerUri", jobs.uri()}}));
}

TEST_CASE("a job is cancelled while it runs, and has failed when the process ended under it") {
  ExportWorld jobs;
  const Json first = jobs.create({{"type", "export"}, {"outputBlobContainerUri", jobs.uri()}}).value();
  CHECK(jobs.jobs().cancel(first["jobId"].get<std::string>()));
  CHECK(jobs.ended(first["jobId"].get<std::string>())["status"] == "cancelled");
  CHECK(jobs.jobs().cancel(first["jobId"].get<std::string>()).error().code ==
        ErrorCode::OperationNotAllowedInCurrentState);
  CHECK(jobs.jobs().cancel("unknown").error().code == ErrorCode::JobNotFound);

  const Json second = jobs.create({{"type", "export"}, {"outputBlobContainerUri", jobs.uri()}}).value();
  jobs.jobs().resume();
  CHECK(jobs.jobs().get(second["jobId"].get<std::string>()).value()["status"] == "failed");
}
