// Runs every target over its kept inputs, as they are and with mistakes made in them: fuzz_replay CORPUS [ROUNDS]
// What any compiler can do, and every test run does; the mistakes are the same ones each time. scripts/fuzz is the
// search.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "tests/fuzz/targets.h"

namespace {

struct Kept {
  std::string name;
  std::string bytes;
};

std::vector<Kept> inputs_of(const std::filesystem::path& folder) {
  std::vector<Kept> inputs;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    std::ifstream stream(file.path(), std::ios::binary);
    inputs.push_back({file.path().filename().string(), {std::istreambuf_iterator<char>(stream), {}}});
  }
  std::sort(inputs.begin(), inputs.end(), [](const Kept& a, const Kept& b) { return a.name < b.name; });
  return inputs;
}

class Mistakes {
 public:
  std::string made_in(std::string bytes, const std::vector<Kept>& others) {
    for (std::size_t count = 1 + below(4); count > 0; --count) {
      const std::size_t at = below(bytes.size() + 1);
      const std::size_t size = 1 + below(8);
      switch (below(5)) {
        case 0:
          if (at < bytes.size()) bytes[at] = static_cast<char>(bytes[at] ^ static_cast<char>(1 << below(8)));
          break;
        case 1:
          bytes.erase(at, size);
          break;
        case 2:
          bytes.insert(at, bytes.substr(below(bytes.size() + 1), size * 4));
          break;
        case 3:
          bytes.insert(at, size, kTelling[below(std::size(kTelling))]);
          break;
        default: {
          const std::string& other = others[below(others.size())].bytes;
          bytes.replace(at, std::string::npos, other.substr(below(other.size() + 1)));
        }
      }
    }
    return bytes;
  }

 private:
  static constexpr char kTelling[] = {'\0', '\xFF', '\x80', '\n', '"', '\'', '{', '[', '(', '%', '/', '-', '9'};
  std::size_t below(std::size_t limit) { return engine_() % limit; }
  std::mt19937 engine_{1};
};

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) {
    std::fprintf(stderr, "usage: fuzz_replay CORPUS [ROUNDS]   CORPUS holds a folder a target\n");
    return 2;
  }
  const int rounds = count > 2 ? std::atoi(arguments[2]) : 0;
  const char* keep = std::getenv("FUZZ_KEEP");  // a file for the input at hand: what is left of a run that ends early
  for (const iothub::fuzz::Target& target : iothub::fuzz::kTargets) {
    const std::vector<Kept> inputs = inputs_of(std::filesystem::path(arguments[1]) / target.name);
    if (inputs.empty()) {
      std::fprintf(stderr, "%s has no inputs\n", target.name.data());
      return 1;
    }
    Mistakes mistakes;
    for (const Kept& input : inputs) {
      for (int round = 0; round <= rounds; ++round) {
        // The last line of a run that ends early.
        std::printf("%s/%s round %d\n", target.name.data(), input.name.c_str(), round);
        std::fflush(stdout);
        const std::string bytes = round == 0 ? input.bytes : mistakes.made_in(input.bytes, inputs);
        if (keep != nullptr) std::ofstream(keep, std::ios::binary) << bytes;
        target.run(bytes);
      }
    }
  }
}
