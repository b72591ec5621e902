#pragma once
/// The one emulator that most cases share. Its data is on disk, so that cases can read what it stored.
#include <string>

#include "tests/wire/support/emulator_process.h"

namespace iothub::test {

/// Started by the first call.
EmulatorProcess& shared_emulator();

/// Its database.
std::filesystem::path shared_database();

/// The end of its log, for the reader of a failure.
std::string shared_log();

/// SIGTERM; false, with a line on stderr, when it then does not exit with 0. True when it never started.
bool stop_shared_emulator();

}  // namespace iothub::test
