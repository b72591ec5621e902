#pragma once
/// Import and export of the registry through blobs: the jobs of /jobs (rest.md 3 rows 26-30, 5.5, 6.8; documentation:
/// Import and export IoT Hub device identities in bulk). One runs at a time, in slices, so that the hub goes on.
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "emulator/hub/clock.h"
#include "emulator/hub/errors.h"
#include "emulator/hub/json.h"

namespace iothub::storage {
class Store;
}

namespace iothub::hub {

class Hub;
class RemoteBlobs;

class RegistryJobs {
 public:
  using Answer = std::function<void(Result<Json>)>;

  /// The hub, its store, scheduler and random source must outlive the jobs.
  RegistryJobs(Hub& hub, storage::Store& store, Scheduler& scheduler, RandomSource& random);
  RegistryJobs(const RegistryJobs&) = delete;
  RegistryJobs& operator=(const RegistryJobs&) = delete;
  ~RegistryJobs();

  /// For containers that are not the hub's own; outlives the jobs. Without it such a container is refused.
  void use_remote_blobs(RemoteBlobs& remote) { remote_ = &remote; }

  /// Jobs that the end of a process cut short have failed.
  void resume();
  /// The store has other content now: what ran is dropped.
  void store_replaced();

  /// `{"type":"export"|"import","outputBlobContainerUri":..,"inputBlobContainerUri":..,"excludeKeysInExport":..}`.
  /// Answers with the job's properties, the URIs of its containers among them, at once or when another storage has
  /// answered. Refuses with 400004, with 400008 a container that cannot be used, with 403003 while another job runs,
  /// with 501 identity-based storage and the import of configurations.
  void create(const Json& request, Answer answer);
  Json list();
  /// 404002.
  Result<Json> get(const std::string& id);
  /// 404002; 405102 for one that has ended.
  Result<void> cancel(const std::string& id);

 private:
  struct Running;
  class Container;
  class OwnContainer;
  class RemoteContainer;

  Result<std::unique_ptr<Container>> open(const std::string& uri, std::string_view permissions);
  void refuse(const std::shared_ptr<Running>& job, const std::string& problem, const Answer& answer);
  void start(const std::shared_ptr<Running>& job, const Answer& answer);

  // The steps of the job that runs.
  void then(void (RegistryJobs::*step)());
  void begin();
  void export_slice();
  void export_configurations();
  void import_slice();
  void import_line(std::string_view line);
  void put(const std::string& blob, void (RegistryJobs::*next)());
  void complete();
  void end(const char* status, const std::string& failure = {});
  void save(const Running& job);

  Hub& hub_;
  storage::Store& store_;
  RandomSource& random_;
  RemoteBlobs* remote_ = nullptr;
  std::shared_ptr<Running> running_;
  Timer slice_;
};

}  // namespace iothub::hub
