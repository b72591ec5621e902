// Runs every target over its kept inputs, as they are and with mistakes made in them:
//   fuzz_replay CORPUS [--seed N] [--seconds S] [--rounds R] [--target NAME] [--input NAME --round N]
// CORPUS holds a folder a target. Of the S seconds (none unless told) each target gets the same share, after all kept
// inputs have run, and makes at most R mistakes in each. A mistake depends on seed, target, input and round alone: what
// a run finds is found again by its last line. What any compiler can build, and every test run does; scripts/fuzz is
// the search.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "protocol/text/fnv.h"
#include "tests/fuzz/targets.h"

extern "C" void __sanitizer_set_death_callback(void (*callback)()) __attribute__((weak));

namespace iothub::fuzz {
namespace {

constexpr unsigned kLongestSeconds = 60;  // of one input, with a sanitizer and beside other work

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
  explicit Mistakes(std::uint64_t seed) : engine_(seed) {}

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
  std::mt19937_64 engine_;
};

// ---- a run that ends early says with which input ------------------------------------------------------------------

std::string place;      // of the input at hand: what repeats it
std::string at_hand;    // its bytes
std::string left_file;  // where they are left

void tell_input() {
  static_cast<void>(!::write(STDERR_FILENO, place.data(), place.size()));
  const int file = ::open(left_file.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (file < 0) return;
  static_cast<void>(!::write(file, at_hand.data(), at_hand.size()));
  ::close(file);
}

void die(int signal) {
  constexpr std::string_view kTooLong = "the input takes longer than a minute\n";
  if (signal == SIGALRM) static_cast<void>(!::write(STDERR_FILENO, kTooLong.data(), kTooLong.size()));
  tell_input();
  ::_exit(1);
}

void tell_input_at_death() {
  std::signal(SIGALRM, die);
  std::signal(SIGABRT, die);
  if (__sanitizer_set_death_callback != nullptr) return __sanitizer_set_death_callback(tell_input);
  for (const int fatal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL}) std::signal(fatal, die);
}

// ---- the run ------------------------------------------------------------------------------------------------------

struct Options {
  std::filesystem::path corpus;
  std::uint64_t seed = 1;
  std::uint64_t seconds = 0;
  std::string target, input;  ///< empty: all
  std::optional<std::uint64_t> round;
  std::uint64_t rounds = UINT64_MAX;
};

std::optional<Options> read_options(int count, char** arguments) {
  if (count < 2 || count % 2 != 0) return std::nullopt;
  Options options;
  options.corpus = arguments[1];
  for (int i = 2; i < count; i += 2) {
    const std::string_view name = arguments[i], value = arguments[i + 1];
    std::uint64_t number = 0;
    const auto [stop, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    const bool is_number = error == std::errc{} && stop == value.data() + value.size();
    if (name == "--target") {
      options.target = value;
    } else if (name == "--input") {
      options.input = value;
    } else if (name == "--seed" && is_number) {
      options.seed = number;
    } else if (name == "--seconds" && is_number) {
      options.seconds = number;
    } else if (name == "--rounds" && is_number) {
      options.rounds = number;
    } else if (name == "--round" && is_number) {
      options.round = number;
    } else {
      return std::nullopt;
    }
  }
  return options;
}

void run(const Target& target, const Kept& input, const std::vector<Kept>& all, std::uint64_t seed,
         std::uint64_t round) {
  const std::string which = std::string(target.name) + "/" + input.name + "/" + std::to_string(round);
  Mistakes mistakes(seed ^ text::fnv1a(which));
  at_hand = round == 0 ? input.bytes : mistakes.made_in(input.bytes, all);
  place = "it was fuzz_replay --seed " + std::to_string(seed) + " --target " + std::string(target.name) + " --input " +
          input.name + " --round " + std::to_string(round) + "; its bytes are left in " + left_file + "\n";
  ::alarm(kLongestSeconds);
  target.run(at_hand);
  ::alarm(0);
}

int replay(const Options& options) {
  std::vector<std::pair<const Target*, std::vector<Kept>>> chosen;
  for (const Target& target : kTargets) {
    if (!options.target.empty() && target.name != options.target) continue;
    chosen.emplace_back(&target, inputs_of(options.corpus / target.name));
    if (chosen.back().second.empty()) {
      std::fprintf(stderr, "%s has no inputs\n", target.name.data());
      return 1;
    }
  }
  std::printf("seed %llu\n", static_cast<unsigned long long>(options.seed));
  for (const auto& [target, inputs] : chosen) {
    for (const Kept& input : inputs) {
      if (!options.input.empty() && input.name != options.input) continue;
      run(*target, input, inputs, options.seed, options.round.value_or(0));
    }
  }
  if (options.seconds == 0 || options.round) return 0;
  const auto share = std::chrono::milliseconds(options.seconds * 1000 / chosen.size());
  for (const auto& [target, inputs] : chosen) {
    const auto end = std::chrono::steady_clock::now() + share;
    std::uint64_t runs = 0;
    for (std::uint64_t round = 1; round <= options.rounds && std::chrono::steady_clock::now() < end; ++round) {
      for (const Kept& input : inputs) {
        if (std::chrono::steady_clock::now() >= end) break;
        run(*target, input, inputs, options.seed, round);
        ++runs;
      }
    }
    std::printf("%s: %llu inputs with mistakes\n", target->name.data(), static_cast<unsigned long long>(runs));
  }
  return 0;
}

}  // namespace
}  // namespace iothub::fuzz

int main(int count, char** arguments) {
  const auto options = iothub::fuzz::read_options(count, arguments);
  if (!options) {
    std::fprintf(
        stderr,
        "usage: fuzz_replay CORPUS [--seed N] [--seconds S] [--rounds R] [--target NAME] [--input NAME --round N]\n");
    return 2;
  }
  iothub::fuzz::left_file = std::string(arguments[0]) + ".input";
  iothub::fuzz::tell_input_at_death();
  return iothub::fuzz::replay(*options);
}
