#pragma once
/// All rooms put together: one hub with its store, served on its ports.
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "emulator/app/config.h"
#include "emulator/app/control_actions.h"
#include "emulator/app/hub_instance.h"
#include "emulator/app/hub_set.h"
#include "emulator/app/ports.h"
#include "emulator/app/remote_blob_client.h"
#include "emulator/app/run_file.h"
#include "emulator/app/running_hub.h"
#include "emulator/heads/control/control.h"
#include "emulator/hub/directory.h"
#include "emulator/net/event_loop.h"
#include "emulator/net/server.h"
#include "emulator/net/system_sources.h"
#include "emulator/net/tls/certificate_authority.h"
#include "emulator/net/tls/server_context.h"
#include "emulator/net/worker.h"

namespace iothub::app {

/// The host name in the connection strings: `localhost` when clients reach the hub by it, else the address listened on.
std::string host_for_clients(const std::string& listen_address);

/// The names that mean the hub, that one first; its certificate is for all of them.
std::vector<std::string> hub_names(const Config& config);

class Emulator {
 public:
  /// Binds the ports and opens the store: clients are served as soon as run() does. Publishes the run file. Throws
  /// net::BindError, storage::Error, net::tls::TlsError or std::system_error.
  Emulator(Config config, PortFallback fallback);
  Emulator(const Emulator&) = delete;
  Emulator& operator=(const Emulator&) = delete;
  /// What was acknowledged is in the store, whose WAL is then empty.
  ~Emulator();

  const RunningHub& running() const { return running_; }
  const net::tls::CertificateAuthority& authority() const { return authority_; }
  net::EventLoop& loop() { return loop_; }
  /// The default hub. It belongs to the loop's thread once run() runs.
  hub::Hub& hub() { return instance_.hub(); }

  /// Serves until stop(), which belongs to the loop's thread; then connections are closed and their last writes
  /// committed.
  void run();
  void stop() { loop_.stop(); }

 private:
  std::uint16_t listen(std::uint16_t port, net::PlainText plain);
  void listen_on(const std::string& address);
  void equip(HubInstance& instance);
  void begin();
  void make_rsa_leaf();
  RunningHub described() const;
  void publish_run_file();
  /// Policies may have changed: who finds the hub by its files finds the new ones.
  void describe_anew();

  const Config config_;
  const std::vector<std::string> names_;
  net::tls::CertificateAuthority authority_;
  net::tls::ServerContext tls_;
  hub::HubDirectory hubs_;
  net::EventLoop loop_;
  net::Server server_;
  const Ports ports_;  ///< before the store: a second hub fails by the port, and leaves no trace on the disk
  net::SystemRandom random_;
  RemoteBlobClient remote_blobs_;
  HubInstance instance_;
  HubSet hub_set_;
  Simulations simulations_;
  ControlActions actions_;
  heads::control::Control control_;
  net::Worker worker_;  ///< last: it ends before what its jobs use
  RunningHub running_;
  std::unique_ptr<RunFile> run_file_;
};

}  // namespace iothub::app
