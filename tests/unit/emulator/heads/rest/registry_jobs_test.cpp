#include <doctest/doctest.h>

#include <chrono>
#include <string>

#include "emulator/heads/rest/operations.h"
#include "emulator/hub/blobs/blob_account.h"
#include "tests/unit/emulator/heads/rest/rest_client.h"
#include "tests/unit/support/temporary_folder.h"

using namespace iothub;
using namespace iothub::test;

TEST_CASE("older api-versions are told a job's containers: the output's always, the input's when it is created") {
  const TemporaryFolder folder;
  RestClient client;
  client.hub.hub.open_blobs({.folder = folder.path() / "blobs", .durable = false});
  hub::BlobAccount& blobs = *client.hub.hub.blobs();
  blobs.create_container("box", {}).value();
  const std::string uri = "https://localhost/devstoreaccount1/box" +
                          hub::blob_sas(blobs.key(), "box", {}, "racwdl", client.hub.clock.now().plus_seconds(60));
  const std::string run_export =
      hub::dump({{"type", "export"}, {"outputBlobContainerUri", uri}, {"outputBlobName", "devices.txt"}});
  const std::string run_import =
      hub::dump({{"type", "import"}, {"inputBlobContainerUri", uri}, {"outputBlobContainerUri", uri}});
  constexpr const char* kOutput = "outputBlobContainerUri";
  constexpr const char* kInput = "inputBlobContainerUri";
  for (const std::string& body : {run_export, run_import}) {
    CAPTURE(body);
    const auto run = [&](const std::string& version) {
      const hub::Json job = client.request("POST", "/jobs/create?api-version=" + version, body).json();
      client.hub.scheduler.advance(std::chrono::milliseconds(10));
      return job;
    };
    const auto get = [&](const hub::Json& job, const std::string& version) {
      return client.request("GET", "/jobs/" + job.at("jobId").get<std::string>() + "?api-version=" + version).json();
    };
    const hub::Json older = run("2020-03-13");
    CHECK(older.at(kOutput) == uri);
    CHECK(older.value(kInput, "") == (body == run_import ? uri : ""));
    CHECK(get(older, "2020-03-13").at("status") == "completed");
    CHECK(get(older, "2020-03-13").at(kOutput) == uri);
    CHECK_FALSE(get(older, "2020-03-13").contains(kInput));
    for (const hub::Json& newer :
         {run("2021-04-12"), get(older, "2021-04-12"), client.request("GET", "/jobs").json().at(0)}) {
      CHECK_FALSE(newer.contains(kOutput));
      CHECK_FALSE(newer.contains(kInput));
    }
  }
}
