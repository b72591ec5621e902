#pragma once
/// Seed files on the disk: what `--seed` and the command `seed` name.
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "emulator/hub/routing/routing.h"
#include "emulator/seed/seed.h"

namespace iothub::app {

/// A seed that cannot be read or is refused: exit status 4. The message names file, line, column and JSON pointer.
class SeedError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct SeedText {
  std::string file;  ///< how messages name it
  std::string text;
};

/// The texts, in order; `-` is the standard input. Of a folder its .yaml, .yml, .json, .jsonl and .txt files, by name.
/// Throws SeedError for what cannot be read.
std::vector<SeedText> read_seed_texts(const std::vector<std::filesystem::path>& paths);

/// Throws SeedError.
std::vector<seed::Seed> parse_seeds(const std::vector<SeedText>& texts);

/// Applies and commits all of them, or nothing; throws SeedError.
seed::Report apply_seeds(hub::Hub& hub, const std::vector<seed::Seed>& seeds);

}  // namespace iothub::app
