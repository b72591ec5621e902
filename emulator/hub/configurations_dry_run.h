#pragma once
/// What a configuration would do if it were put now; nothing is written.
#include <memory>
#include <string>

#include "emulator/hub/json.h"

namespace iothub::hub {

class Hub;

/// Looks at the twins in slices, as the configurations stood when it began.
class DryRun {
 public:
  /// The hub outlives it.
  DryRun(Hub& hub, const std::string& id, const Json& body);
  DryRun(const DryRun&) = delete;
  DryRun& operator=(const DryRun&) = delete;
  ~DryRun();

  /// One more slice; true when it is over.
  bool step();

  /// Once it is over: `{"valid":true,"family":"device","query":"..","matched":12,"complete":true,"targets":[..]}`, or
  /// `valid` false with `code`, `message` and `reason`. A target is `{"device","module","ranks":[{"id","priority"},..],
  /// "applies","overruled":[{"path","by"}]}`: all that holds for its twin, the strongest first, the draft among them by
  /// its id, and the paths of the draft that a stronger one writes. `complete` is false where there were too many twins
  /// to look at them all.
  Json answer() const;

 private:
  class Work;
  Json invalid_;  ///< null when there is work
  std::unique_ptr<Work> work_;
};

}  // namespace iothub::hub
