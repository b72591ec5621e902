#include "emulator/app/run_file.h"

#include <doctest/doctest.h>

#include <fstream>

#include "emulator/app/temporary_folder.h"

using namespace iothub::app;

namespace {

RunningHub hub_on(std::uint16_t https_port) {
  return {{https_port, 8883, 5671}, "/ca/ca.pem", {{"iothubowner", "HostName=localhost"}}, "Endpoint=sb://localhost/"};
}

}  // namespace

TEST_CASE("a running hub is found by its run file, which ends with it") {
  const TemporaryFolder folder;
  CHECK_FALSE(find_running_hub(folder.path()).has_value());
  auto file = RunFile::publish(folder.path(), hub_on(443));
  REQUIRE(file);
  CHECK(find_running_hub(folder.path()) == hub_on(443));
  file.reset();
  CHECK_FALSE(find_running_hub(folder.path()).has_value());
  CHECK_FALSE(std::filesystem::exists(run_file_path(folder.path())));
}

TEST_CASE("the run file is its owner's only and says the process id") {
  const TemporaryFolder folder;
  const auto file = RunFile::publish(folder.path(), hub_on(443));
  const auto path = run_file_path(folder.path());
  CHECK(std::filesystem::status(path).permissions() ==
        (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
  std::ifstream stream(path);
  CHECK(nlohmann::json::parse(stream).at("pid").is_number());
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);
}

TEST_CASE("a run file whose process is gone is stale: not found, and replaced by the next hub") {
  const TemporaryFolder folder;
  std::ofstream(run_file_path(folder.path())) << to_json(hub_on(1)).dump();
  CHECK_FALSE(find_running_hub(folder.path()).has_value());
  const auto file = RunFile::publish(folder.path(), hub_on(2));
  REQUIRE(file);
  CHECK(find_running_hub(folder.path()) == hub_on(2));
}

TEST_CASE("a second hub leaves the first one's run file alone") {
  const TemporaryFolder folder;
  const auto first = RunFile::publish(folder.path(), hub_on(1));
  CHECK(RunFile::publish(folder.path(), hub_on(2)) == nullptr);
  CHECK(find_running_hub(folder.path()) == hub_on(1));
}

TEST_CASE("a hub's end leaves another hub's run file alone") {
  const TemporaryFolder folder;
  auto first = RunFile::publish(folder.path(), hub_on(1));
  std::filesystem::remove(run_file_path(folder.path()));  // somebody cleaned up
  const auto second = RunFile::publish(folder.path(), hub_on(2));
  first.reset();
  CHECK(find_running_hub(folder.path()) == hub_on(2));
}

TEST_CASE("a run file in a folder that is not there is an error that names it") {
  const TemporaryFolder folder;
  const auto missing = folder.path() / "missing";
  CHECK_FALSE(find_running_hub(missing).has_value());
  CHECK_THROWS_WITH(RunFile::publish(missing, hub_on(1)), doctest::Contains("missing/running.json"));
}
