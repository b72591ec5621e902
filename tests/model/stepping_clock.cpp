// Preloaded into the hub: its wall clock is off by the seconds that the file $STEPPING_CLOCK says. Steady clocks are
// not touched, as when somebody sets the time of a machine.
#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <ctime>

extern "C" int clock_gettime(clockid_t clock, timespec* now) {
  static const auto real = reinterpret_cast<int (*)(clockid_t, timespec*)>(dlsym(RTLD_NEXT, "clock_gettime"));
  const int result = real(clock, now);
  const char* name = std::getenv("STEPPING_CLOCK");
  if (result != 0 || clock != CLOCK_REALTIME || name == nullptr) return result;
  std::array<char, 32> digits{};
  const int file = open(name, O_RDONLY | O_CLOEXEC);
  if (file < 0) return result;
  if (read(file, digits.data(), digits.size() - 1) > 0) now->tv_sec += std::strtol(digits.data(), nullptr, 10);
  close(file);
  return result;
}
