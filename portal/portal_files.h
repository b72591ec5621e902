#pragma once
/// The portal's page, built into the program.
#include <span>
#include <string_view>

namespace iothub::portal {

struct File {
  std::string_view name;  ///< `index.html`, or a name with its content's hash in it
  std::span<const unsigned char> gzip;
};

/// Every file of the page; none when the program was built without Node.
std::span<const File> files();

}  // namespace iothub::portal
