#pragma once
/// What the program's exit status says.

namespace iothub::app {

enum ExitStatus : int {
  kDone = 0,
  kFailed = 1,
  kBadConfiguration = 2,  ///< flags, environment or configuration file
  kPortNotAvailable = 3,  ///< the message names address and port
  kSeedFailed = 4,        ///< a seed cannot be read or is refused; nothing of it was applied
  kCannotExecute = 126,   ///< `exec`, as shells say it: the command is there but cannot be started
  kCommandNotFound = 127,
  kKilledBySignal = 128,  ///< `exec`: plus the number of the signal that ended the command
};

}  // namespace iothub::app
