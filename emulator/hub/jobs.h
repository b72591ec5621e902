#pragma once
/// Scheduled jobs: a twin update or a direct method on every device that a condition selects (documentation: Schedule
/// jobs on multiple devices; rest.md 3 rows 31-34, 5.6, 5.7, 6.8).
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/hub/clock.h"
#include "emulator/hub/errors.h"
#include "emulator/hub/json.h"
#include "emulator/hub/links.h"
#include "emulator/hub/methods.h"
#include "emulator/hub/query/parser.h"
#include "emulator/hub/twins.h"

namespace iothub::hub {

class Jobs {
 public:
  Jobs(storage::Store& store, Twins& twins, Methods& methods, const Links& links, const Clock& clock,
       Scheduler& scheduler, bool lenient);
  Jobs(const Jobs&) = delete;
  Jobs& operator=(const Jobs&) = delete;
  ~Jobs();

  /// Jobs that had not ended when the process did: the hub calls it once, when it is whole.
  void resume();

  /// PUT: 400004 for a request that is wrong, 409104 for an id in use. Returns the JobResponse, status `queued`.
  Result<Json> create(const std::string& id, const Json& request);
  /// An unknown id is a job of type and status `unknown` (probed), not a 404.
  Json get(const std::string& id) const;
  /// 404002, and 405102 when it runs or has ended.
  Result<Json> cancel(const std::string& id);

  struct Page {
    Json items = Json::array();
    std::optional<std::string> continuation;
  };
  /// Newest first; an empty type or status means every one. 400004 for words that are none and for a foreign
  /// continuation.
  Result<Page> list(std::string_view type, std::string_view status, std::int64_t page_size,
                    std::optional<std::string_view> continuation) const;

 private:
  struct Running;
  void store_job(const Json& job);
  std::optional<Json> find(const std::string& id) const;
  /// As it is answered: one at work with how far it is.
  Json with_progress(Json job) const;
  void schedule(const Json& job);
  void start(const std::string& id);
  void step(const std::string& id);
  void run_on(const std::shared_ptr<Running>& run, const Identity& identity);
  void device_done(const std::shared_ptr<Running>& run, Json row, const std::optional<HubError>& error);
  void finish_if_idle(const std::shared_ptr<Running>& run);
  void end(Json job, std::string_view status, const std::string& failure);

  storage::Store& store_;
  Twins& twins_;
  Methods& methods_;
  const Links& links_;
  const Clock& clock_;
  Scheduler& scheduler_;
  bool lenient_;
  std::map<std::string, std::unique_ptr<Timer>> waiting_;  ///< scheduled for later
  std::map<std::string, std::shared_ptr<Running>> running_;
};

}  // namespace iothub::hub
