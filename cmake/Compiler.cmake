# Language level, warnings and sanitizers for every target of the project.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_VERIFY_INTERFACE_HEADER_SETS ON)  # target all_verify_interface_header_sets: every header compiles alone

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()

find_program(IOTHUB_CCACHE ccache)
if(IOTHUB_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${IOTHUB_CCACHE})
endif()

set(IOTHUB_SANITIZE "" CACHE STRING "Sanitizers, as -fsanitize= takes them: address,undefined or thread")
if(IOTHUB_SANITIZE)
  add_compile_options(-fsanitize=${IOTHUB_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${IOTHUB_SANITIZE})
endif()

if(IOTHUB_BUILD_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)  # counts what runs, for libFuzzer, in every room
endif()

# Our own targets only: libraries come in as SYSTEM includes.
add_library(iothub_warnings INTERFACE)
target_compile_options(iothub_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor -Woverloaded-virtual
  -Wold-style-cast -Wcast-qual -Wformat=2 -Wimplicit-fallthrough
  -Wno-restrict)  # g++ 12 sees overlaps in std::string's operator+ that are not there (GCC bug 105651)
option(IOTHUB_WERROR "Treat warnings as errors" OFF)
if(IOTHUB_WERROR)
  target_compile_options(iothub_warnings INTERFACE -Werror)
endif()
