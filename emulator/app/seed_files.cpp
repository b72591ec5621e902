#include "emulator/app/seed_files.h"

#include <algorithm>
#include <array>
#include <iostream>
#include <iterator>

#include "emulator/app/file_text.h"
#include "emulator/hub/hub.h"

namespace iothub::app {
namespace {

bool is_seed_name(const std::filesystem::path& file) {
  constexpr std::array<std::string_view, 5> kEndings{".yaml", ".yml", ".json", ".jsonl", ".txt"};
  const std::string name = file.filename().string();
  return !name.starts_with('.') &&
         std::find(kEndings.begin(), kEndings.end(), file.extension().string()) != kEndings.end();
}

std::string read_file(const std::filesystem::path& file) {
  std::optional<std::string> text = read_text(file);
  if (!text) throw SeedError("cannot read the seed " + file.string());
  return std::move(*text);
}

std::vector<std::filesystem::path> files_of(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  std::error_code unreadable;
  for (const auto& entry : std::filesystem::directory_iterator(folder, unreadable)) {
    if (entry.is_regular_file() && is_seed_name(entry.path())) files.push_back(entry.path());
  }
  if (unreadable) throw SeedError("cannot read the folder of seeds " + folder.string() + ": " + unreadable.message());
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

std::vector<SeedText> read_seed_texts(const std::vector<std::filesystem::path>& paths) {
  std::vector<SeedText> texts;
  for (const std::filesystem::path& path : paths) {
    if (path == "-") {
      texts.push_back({"standard input", {std::istreambuf_iterator<char>(std::cin), {}}});
    } else if (std::filesystem::is_directory(path)) {
      for (const auto& file : files_of(path)) texts.push_back({file.string(), read_file(file)});
    } else {
      texts.push_back({path.string(), read_file(path)});
    }
  }
  return texts;
}

std::vector<seed::Seed> parse_seeds(const std::vector<SeedText>& texts) {
  std::vector<seed::Seed> seeds;
  for (const SeedText& each : texts) {
    seed::Result<seed::Seed> parsed = seed::parse(each.text, each.file);
    if (!parsed) throw SeedError(parsed.error().text());
    seeds.push_back(std::move(*parsed));
  }
  return seeds;
}

seed::Report apply_seeds(hub::Hub& hub, const std::vector<seed::Seed>& seeds) {
  seed::Result<seed::Report> applied = seed::apply(hub, seeds);
  if (!applied) throw SeedError(applied.error().text());
  if (!hub.commit()) throw SeedError("the seeds could not be written: see the log");
  return std::move(*applied);
}

}  // namespace iothub::app
