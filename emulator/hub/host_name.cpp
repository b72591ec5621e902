#include "emulator/hub/host_name.h"

#include <algorithm>

#include "protocol/text/ascii.h"

namespace iothub::hub {

std::string bare_host(std::string_view said) {
  if (said.starts_with('[')) {
    said = said.substr(1, said.find(']') - 1);
  } else if (std::count(said.begin(), said.end(), ':') == 1) {
    said = said.substr(0, said.find(':'));
  }
  if (said.ends_with('.')) said.remove_suffix(1);
  return text::lower(said);
}

bool is_loopback(std::string_view host) {
  return host == "localhost" || host == "::1" ||
         (host.starts_with("127.") &&
          std::all_of(host.begin(), host.end(), [](char c) { return text::is_digit(c) || c == '.'; }));
}

}  // namespace iothub::hub
