#pragma once
/// Seeds: files that say what a hub shall have. A seed describes presence: what is missing is created, what the file
/// states is updated, all else stays as it is; so applying one again changes nothing (docs/seeds.md).
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/seed/located_document.h"
#include "emulator/seed/seed_schema.h"

namespace iothub::hub {
class Hub;
}

namespace iothub::seed {

/// A document that keeps to the schema. Also devices as real hubs give them: `devices.txt` of an export job, a twin, an
/// array of twins or identities.
struct Seed {
  Document document;
  Form form = Form::seed;
};

/// Refuses what read_document() and the schema refuse, and within the file: an id given twice or none, a parent that is
/// its own descendant, a deletion among exported devices, a hub that stands twice.
Result<Seed> parse(std::string_view text, std::string file);
/// A document, or a part of one, that was read already.
Result<Seed> parse(Document document);

/// A further hub that a seed describes, with what it says of that hub as a seed of its own.
struct SeededHub {
  std::string name;
  LocatedError nowhere;  ///< for a name that is refused: `what` is still to be said
  Seed seed;
};

/// Takes the member `hubs` out of the seed; a keySeed of the whole holds for each hub that says no other.
std::vector<SeededHub> take_hubs(Seed& seed);

/// What changed, a line each: `device d1: created`, `device d1: tags, desired`.
struct Report {
  std::vector<std::string> changes;
};

/// Applies the seeds in their order and as one: a refusal changes nothing. A seed that still has `hubs` is refused.
/// Makes no events of the changes; connected devices are told as of any other. Not committed yet when it returns.
/// Throws storage::Error.
Result<Report> apply(hub::Hub& hub, std::span<const Seed> seeds);

/// What apply() would change; it changes nothing. Throws storage::Error.
Result<Report> diff(hub::Hub& hub, std::span<const Seed> seeds);

/// The hub as a seed: applied to an empty hub it makes the same again, but for what docs/seeds.md lists (etags,
/// versions, times, generation ids, locks and delivery counts).
hub::Json export_hub(hub::Hub& hub);

}  // namespace iothub::seed
