#pragma once
/// What a fuzz target asks beyond "no crash": in every build, unlike assert.
#include <cstdio>
#include <cstdlib>
#include <string>

namespace iothub::fuzz {

/// Ends the program, and with it the run, where the condition does not hold; libFuzzer keeps the input.
inline void require(bool condition, const std::string& what) {
  if (condition) return;
  std::fprintf(stderr, "not so: %s\n", what.c_str());
  std::abort();
}

}  // namespace iothub::fuzz
