#pragma once
/// Seeds of a whole emulator: what they say of one hub, and of the further hubs that they name.
#include <string>
#include <vector>

#include "emulator/app/hub_set.h"
#include "emulator/seed/seed.h"

namespace iothub::app {

/// The seeds by the hub that they are for.
struct SortedSeeds {
  struct OfHub {
    std::string name;
    seed::LocatedError nowhere;  ///< the place of the name
    std::vector<seed::Seed> seeds;
  };
  std::vector<seed::Seed> own;  ///< of the hub that they are applied to
  std::vector<OfHub> further;   ///< in the order of their first mention
};
SortedSeeds sorted(std::vector<seed::Seed> seeds);

/// Applies them to hubs that serve, and commits: all of them, or nothing. Hubs that are missing are made.
seed::Result<seed::Report> apply(HubSet& hubs, HubInstance& own, SortedSeeds seeds);
/// What apply() would change; it changes nothing.
seed::Result<seed::Report> diff(HubSet& hubs, HubInstance& own, const SortedSeeds& seeds);

}  // namespace iothub::app
