#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <csignal>
#include <cstdio>

#include "tests/wire/support/shared_emulator.h"

/// wire_tests EMULATOR [doctest's options]
int main(int argc, char** argv) {
  if (argc < 2 || argv[1][0] == '-') {
    std::fputs("usage: wire_tests EMULATOR [doctest options]\n", stderr);
    return 2;
  }
  std::signal(SIGPIPE, SIG_IGN);  // links that the emulator closed while a test still writes
  iothub::test::use_emulator_binary(argv[1]);
  const int failed = doctest::Context(argc - 1, argv + 1).run();
  if (failed != 0) std::fprintf(stderr, "the shared emulator's log:\n%s\n", iothub::test::shared_log().c_str());
  return iothub::test::stop_shared_emulator() ? failed : 1;
}
