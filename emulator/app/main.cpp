#include "emulator/app/commands.h"
#include "emulator/app/environment.h"

int main(int argc, char** argv) {
  return iothub::app::run({argv + 1, argv + argc}, iothub::app::current_environment());
}
