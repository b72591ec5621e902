#pragma once
/// What the user asked for, from all places that may say it: defaults < configuration file < environment < flags.
///
/// Each setting has one name: the flag `--https-port`, the environment variable `IOTHUB_EMULATOR_HTTPS_PORT`, the key
/// `https-port` of the file that `--config` names (`key = value` lines, TOML or INI as CLI11 reads them, no sections).
/// A setting of another command than the one that runs is read and has no effect, so that one file or one container
/// environment serves them all; an unknown name is an error that says the nearest one.
#include <cstdint>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "emulator/app/environment.h"
#include "emulator/app/log.h"
#include "emulator/app/running_hub.h"
#include "emulator/app/variable_format.h"
#include "emulator/hub/limits.h"
#include "emulator/hub/tier.h"

namespace iothub::app {

enum class Command {
  serve,
  exec,
  env,
  ca,
  health,
  connection_string,
  route,
  monitor,
  seed,
  simulate,
  scenario,
  // Thin over the control API.
  reset,
  snapshot,
  messages,
  events,
  clock,
  faults,
  explain,
  connections,
  c2d,
  feedback,
  hubs,
};

struct Config {
  Command command = Command::serve;

  std::filesystem::path data_folder;  ///< also where the run file is, with in_memory too
  bool in_memory = false;
  std::filesystem::path ca_folder;
  /// The command line itself named them: then they decide which hub is meant, before IOTHUB_CONNECTION_STRING.
  bool data_folder_is_a_flag = false;
  bool ca_folder_is_a_flag = false;

  std::vector<std::filesystem::path> device_ca_files;
  std::vector<std::string> host_names;  ///< beside those that every hub has
  std::string listen_address = "localhost";
  Ports ports;                       ///< 0: the system picks
  bool allow_port_fallback = false;  ///< `serve` always may
  std::optional<std::int64_t> sas_grace_seconds;
  int partitions = hub::kDefaultPartitions;  ///< a data folder keeps those it was made with
  std::string storage_connection_string;     ///< empty: uploads go to the hub's own storage
  std::string storage_container = "uploads";
  std::filesystem::path routes_file;  ///< empty: the default routes
  int retention_days = hub::kDefaultRetentionDays;
  std::optional<std::int64_t> retention_megabytes;  ///< nothing: by time only
  std::vector<std::string> consumer_groups;         ///< beside $Default and those that the data folder has
  std::vector<std::filesystem::path> seed_files;    ///< applied in order before the hub is ready; folders, too
  std::vector<std::string> hubs;                    ///< further ones that `serve` and `exec` have
  bool lenient = false;
  bool fault_injection = false;
  std::optional<hub::Tier> tier;  ///< turns throttles and quotas on
  int units = 1;
  std::string deterministic_seed;       ///< empty: keys and ids by chance, times by the machine's clock
  std::filesystem::path portal_folder;  ///< empty: the page that is built in
  bool no_portal = false;
  std::string control_token;  ///< empty: the control API is for this machine only, and needs none
  bool allow_plain = false;   ///< clients without TLS are taken as well
  std::filesystem::path ready_file;

  LogFormat log_format = LogFormat::text;
  LogLevel log_level = LogLevel::info;

  std::vector<std::string> child_command;  ///< `exec` and `scenario`: program and arguments
  VariableFormat variable_format = VariableFormat::sh;
  bool print_pem = false;
  std::vector<std::string> ca_words;  ///< `ca`: nothing, or add FILE, list, remove NAME
  std::vector<std::string> words;     ///< of a control command: `save before`, `device=d count=2`
  std::string hub;                    ///< that a command is about; empty: that of the connection string
  bool keep_links = false;
  std::vector<std::string> route_words;  ///< `route`: test
  std::string message;                   ///< `route test`: a JSON object or a file with it
  std::string twin;                      ///< so too; empty: the sender has none
  std::string source = "DeviceMessages";
  bool json = false;
  std::string from = "now";
  std::string monitored_group = "$Default";
  std::vector<std::string> seed_words;      ///< `seed`: apply, validate or diff and files, or export
  std::vector<std::string> scenario_words;  ///< `scenario`: run and files, or runs
  std::filesystem::path junit_file;         ///< empty: none is written
  bool watch = false;
  int simulated_devices = 1;
  std::filesystem::path template_file;  ///< empty: empty telemetry, no methods
  double rate = 1;                      ///< telemetry messages a second, of all devices together
  double duration_seconds = 0;          ///< 0: until SIGINT
  std::string policy;
  std::string device;
  std::string module;
};

/// Exit status 2: the message is one line that names the place and the setting.
class ConfigError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Asked for instead of a command: `--help`, `--version`.
struct Information {
  std::string text;
};

/// `arguments` without the program's name. Throws ConfigError.
std::variant<Config, Information> read_config(const std::vector<std::string>& arguments,
                                              const Environment& environment);

}  // namespace iothub::app
