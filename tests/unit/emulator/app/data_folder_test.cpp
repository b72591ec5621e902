#include "emulator/app/data_folder.h"

#include <doctest/doctest.h>

#include "emulator/app/temporary_folder.h"

using namespace iothub::app;

TEST_CASE("data is kept where XDG_DATA_HOME says, else under the home folder") {
  CHECK(default_data_folder({{"HOME", "/h"}, {"XDG_DATA_HOME", "/x"}}) == "/x/iothub-emulator");
  CHECK(default_data_folder({{"HOME", "/h"}}) == "/h/.local/share/iothub-emulator");
  CHECK(default_data_folder({{"HOME", "/h"}, {"XDG_DATA_HOME", "relative"}}) == "/h/.local/share/iothub-emulator");
}

TEST_CASE("a data folder that the hub makes is its owner's only, one that was there keeps its mode") {
  using std::filesystem::perms;
  const TemporaryFolder temporary;
  const auto folder = temporary.path() / "a" / "b";
  make_private_folder(folder);
  CHECK(std::filesystem::status(folder).permissions() == perms::owner_all);
  const auto open = perms::owner_all | perms::group_read | perms::group_exec;
  std::filesystem::permissions(folder, open);
  make_private_folder(folder);
  CHECK(std::filesystem::status(folder).permissions() == open);
}
