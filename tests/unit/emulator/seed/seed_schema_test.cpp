#include "emulator/seed/seed_schema.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "emulator/seed/seed.h"

using namespace iothub;

namespace {

std::string content_of(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  REQUIRE_MESSAGE(stream, file.string());
  return {std::istreambuf_iterator<char>(stream), {}};
}

std::vector<std::filesystem::path> files_in(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

TEST_CASE("each bad seed of the corpus is refused with the message that stands beside it") {
  // tests/data/seeds/bad: NAME.yaml (or .json, .txt) and NAME.message.
  int count = 0;
  for (const auto& file : files_in(std::filesystem::path(IOTHUB_TEST_DATA) / "seeds/bad")) {
    if (file.extension() == ".message") continue;
    CAPTURE(file.string());
    const auto parsed = seed::parse(content_of(file), file.filename().string());
    REQUIRE_FALSE(parsed.has_value());
    std::filesystem::path beside = file;
    CHECK(parsed.error().text() + "\n" == content_of(beside.replace_extension(".message")));
    ++count;
  }
  CHECK(count >= 20);
}

TEST_CASE("each good seed of the corpus keeps to the schema") {
  for (const auto& file : files_in(std::filesystem::path(IOTHUB_TEST_DATA) / "seeds/good")) {
    const auto parsed = seed::parse(content_of(file), file.filename().string());
    CHECK_MESSAGE(parsed.has_value(), (parsed ? std::string() : parsed.error().text()));
  }
}
