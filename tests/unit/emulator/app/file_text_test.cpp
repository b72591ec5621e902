#include "emulator/app/file_text.h"

#include <doctest/doctest.h>

#include <fstream>

#include "tests/unit/support/temporary_folder.h"

using namespace iothub;

TEST_CASE("a file is read whole; a folder and what is not there cannot be") {
  test::TemporaryFolder folder;
  const auto file = folder / "f";
  std::ofstream(file, std::ios::binary) << std::string("a\r\n\0b", 5);
  CHECK(app::read_text(file) == std::string("a\r\n\0b", 5));
  CHECK_FALSE(app::read_text(folder / "."));
  CHECK_FALSE(app::read_text(folder / "none"));
}

TEST_CASE("a JSON object is taken as it is, other words name its file") {
  test::TemporaryFolder folder;
  std::ofstream(folder / "f") << R"({"a":2})";
  CHECK(app::json_or_file(R"({"a":1})") == R"({"a":1})");
  CHECK(app::json_or_file((folder / "f").string()) == R"({"a":2})");
  CHECK_FALSE(app::json_or_file((folder / "none").string()));
}
