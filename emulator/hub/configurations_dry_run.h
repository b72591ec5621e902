#pragma once
/// What a configuration would do if it were put now; nothing is written.
#include <string>

#include "emulator/hub/json.h"

namespace iothub::hub {

class Hub;

/// `{"valid":true,"family":"device","query":"..","matched":12,"complete":true,"targets":[..]}`, or `valid` false with
/// `code`, `message` and `reason`. A target is `{"device","module","ranks":[{"id","priority"},..],"applies",
/// "overruled":[{"path","by"}]}`: all that holds for its twin, the strongest first, the draft among them by its id, and
/// the paths of the draft that a stronger one writes. `complete` is false where there were too many twins to look at
/// them all.
Json dry_run(Hub& hub, const std::string& id, const Json& body);

}  // namespace iothub::hub
