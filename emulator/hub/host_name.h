#pragma once
/// Host names as clients say them.
#include <string>
#include <string_view>

namespace iothub::hub {

/// Lower-case, without port, brackets and the root's dot.
std::string bare_host(std::string_view said);

/// `localhost`, `::1`, and every address of 127/8; of a bare host.
bool is_loopback(std::string_view host);

}  // namespace iothub::hub
