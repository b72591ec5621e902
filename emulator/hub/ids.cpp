#include "emulator/hub/ids.h"

#include <algorithm>

#include "emulator/hub/limits.h"
#include "protocol/text/ascii.h"

namespace iothub::hub {

bool valid_id(std::string_view id) {
  constexpr std::string_view kMarks = "-:.+%_#*?!(),=@;$'";
  return !id.empty() && id.size() <= kMaxIdLength && std::all_of(id.begin(), id.end(), [&](char c) {
    return text::is_alpha(c) || text::is_digit(c) || kMarks.find(c) != std::string_view::npos;
  });
}

}  // namespace iothub::hub
