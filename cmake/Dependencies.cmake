# Every library is a distribution package (scripts/setup installs them); nothing is downloaded at build time.
find_package(Threads REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(SQLite3 3.40 REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(spdlog REQUIRED)
find_package(CLI11 REQUIRED)
find_package(EXPAT 2.4 REQUIRED)
find_package(Boost 1.81 REQUIRED)  # Asio, Beast, System: headers only

# Without implicit conversions: a Json would otherwise convert to anything, a Result's error included.
add_library(iothub_json INTERFACE)
target_link_libraries(iothub_json INTERFACE nlohmann_json::nlohmann_json)
target_compile_definitions(iothub_json INTERFACE JSON_USE_IMPLICIT_CONVERSIONS=0)

# Asio and Beast are compiled once, in emulator/net; everywhere else only their headers are seen.
add_library(iothub_asio INTERFACE)
target_link_libraries(iothub_asio INTERFACE Boost::boost Threads::Threads)
target_compile_definitions(iothub_asio INTERFACE
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED)

# cpp-httplib and libmosquitto: Debian ships a header and a shared library, without a CMake package.
find_path(HTTPLIB_INCLUDE_DIR httplib.h REQUIRED)
find_library(HTTPLIB_LIBRARY NAMES cpp-httplib REQUIRED)
add_library(iothub_httplib INTERFACE)
target_include_directories(iothub_httplib SYSTEM INTERFACE ${HTTPLIB_INCLUDE_DIR})
target_link_libraries(iothub_httplib INTERFACE ${HTTPLIB_LIBRARY} OpenSSL::SSL OpenSSL::Crypto Threads::Threads)
target_compile_definitions(iothub_httplib INTERFACE CPPHTTPLIB_OPENSSL_SUPPORT)

find_path(LIBMOSQUITTO_INCLUDE_DIR mosquitto.h REQUIRED)
find_library(LIBMOSQUITTO_LIBRARY NAMES mosquitto REQUIRED)
add_library(iothub_libmosquitto INTERFACE)
target_include_directories(iothub_libmosquitto SYSTEM INTERFACE ${LIBMOSQUITTO_INCLUDE_DIR})
target_link_libraries(iothub_libmosquitto INTERFACE ${LIBMOSQUITTO_LIBRARY})

# Qpid Proton's C engine; Debian ships it with pkg-config only.
find_path(QPID_PROTON_INCLUDE_DIR proton/connection_driver.h REQUIRED)
find_library(QPID_PROTON_LIBRARY NAMES qpid-proton REQUIRED)
add_library(iothub_qpid_proton INTERFACE)
target_include_directories(iothub_qpid_proton SYSTEM INTERFACE ${QPID_PROTON_INCLUDE_DIR})
target_link_libraries(iothub_qpid_proton INTERFACE ${QPID_PROTON_LIBRARY})

find_package(yaml-cpp REQUIRED)

# valijson: headers only; Debian ships it without a CMake package.
find_path(VALIJSON_INCLUDE_DIR valijson/validator.hpp REQUIRED)
add_library(iothub_valijson INTERFACE)
target_include_directories(iothub_valijson SYSTEM INTERFACE ${VALIJSON_INCLUDE_DIR})
