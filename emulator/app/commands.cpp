#include "emulator/app/commands.h"

#include <iostream>
#include <optional>

#include "emulator/app/client_environment.h"
#include "emulator/app/config.h"
#include "emulator/app/control_command.h"
#include "emulator/app/data_folder.h"
#include "emulator/app/device_ca_folder.h"
#include "emulator/app/exec.h"
#include "emulator/app/exit_status.h"
#include "emulator/app/hub_client.h"
#include "emulator/app/monitor.h"
#include "emulator/app/ports.h"
#include "emulator/app/route_test.h"
#include "emulator/app/run_file.h"
#include "emulator/app/scenario_command.h"
#include "emulator/app/seed_command.h"
#include "emulator/app/seed_files.h"
#include "emulator/app/serve.h"
#include "emulator/app/simulate_command.h"
#include "emulator/net/listener.h"
#include "emulator/net/tls/certificate_authority.h"

namespace iothub::app {
namespace {

class NoRunningHub : public std::runtime_error {
 public:
  explicit NoRunningHub(const std::filesystem::path& folder)
      : std::runtime_error("no hub is running that keeps its data in " + folder.string() +
                           ": start one by `iothub-emulator serve`, or name its folder by --data") {}
};

RunningHub running_hub(const Config& config) {
  auto hub = find_running_hub(config.data_folder);
  if (!hub) throw NoRunningHub(config.data_folder);
  return *hub;
}

/// The hub that `health` and `connection-string` speak of: IOTHUB_CONNECTION_STRING says it where --data does not.
struct Target {
  std::vector<RunningHub::PolicyString> policies;
  std::string connection_string;  ///< the one to ask with, and the default to print
  std::vector<std::filesystem::path> ca_files;

  ConnectionString parsed() const {
    const auto result = ConnectionString::parse(connection_string);
    if (!result) {
      throw std::runtime_error("IOTHUB_CONNECTION_STRING is not HostName=..;SharedAccessKeyName=..;SharedAccessKey=..");
    }
    return *result;
  }
};

/// What IOTHUB_POLICIES says, else the keys that every hub is born with.
std::vector<RunningHub::PolicyString> policies_of(const ConnectionString& hub, const Environment& environment) {
  const std::string_view given = variable(environment, "IOTHUB_POLICIES");
  if (given.empty()) return policy_strings(hub.host, hub.port, hub::default_policies());
  std::vector<RunningHub::PolicyString> strings;
  try {
    const auto json = nlohmann::ordered_json::parse(given);
    for (const auto& [policy, string] : json.items()) {
      strings.push_back({policy, string.get<std::string>()});
    }
  } catch (const nlohmann::json::exception&) {
    throw std::runtime_error("IOTHUB_POLICIES is not a JSON object of connection strings");
  }
  return strings;
}

Target target(const Config& config, const Environment& environment) {
  Target target;
  const std::string_view given = variable(environment, "IOTHUB_CONNECTION_STRING");
  if (!given.empty() && !config.data_folder_is_a_flag) {
    target.connection_string = given;
    target.policies = policies_of(target.parsed(), environment);
    const std::string_view bundle = variable(environment, "SSL_CERT_FILE");
    if (!bundle.empty()) target.ca_files.emplace_back(bundle);
    target.ca_files.push_back(config.ca_folder / "ca.pem");
    return target;
  }
  const RunningHub hub = running_hub(config);
  target.policies = hub.connection_strings;
  const std::string* owner = hub.connection_string("iothubowner");
  if (owner == nullptr) throw std::runtime_error("the hub has no policy iothubowner");
  target.connection_string = *owner;
  target.ca_files.emplace_back(hub.ca_file);
  return target;
}

int print_environment(const Config& config, const Environment& environment) {
  const RunningHub hub = running_hub(config);
  // Beside the CA, for they must last as long as the shells that took the variables up.
  const std::filesystem::path folder = config.ca_folder / "clients";
  std::filesystem::create_directories(folder);
  const TrustFiles trust = write_trust_files(folder, hub.ca_file, environment);
  std::cout << format_variables(client_environment(hub, trust, environment), config.variable_format);
  return kDone;
}

int change_device_cas(const Config& config) {
  const std::string& action = config.ca_words.front();
  if (action == "list") {
    for (const auto& file : device_ca_files(config.data_folder)) std::cout << file.filename().string() << "\n";
    return kDone;
  }
  if (action == "add") std::cout << add_device_ca(config.data_folder, config.ca_words.back()) << "\n";
  if (action == "remove") remove_device_ca(config.data_folder, config.ca_words.back());
  if (find_running_hub(config.data_folder)) std::cerr << "the running hub takes this up at its next start\n";
  return kDone;
}

int print_ca(const Config& config) {
  if (!config.ca_words.empty()) return change_device_cas(config);
  // Made here if need be: trust may be installed before the first hub runs.
  const auto authority = net::tls::CertificateAuthority::load_or_create(config.ca_folder);
  std::cout << (config.print_pem ? authority.certificate_pem() : authority.certificate_file().string() + "\n");
  return kDone;
}

int check_health(const Config& config, const Environment& environment) {
  const Target hub = target(config, environment);
  HubClient(hub.parsed(), hub.ca_files).check_health();
  return kDone;
}

int print_connection_string(const Config& config, const Environment& environment) {
  const Target hub = target(config, environment);
  if (!config.device.empty()) {
    const hub::Identity identity{{config.device}, {config.module}};
    const ConnectionString service = hub.parsed();
    const std::string key = HubClient(service, hub.ca_files).primary_key(identity);
    std::cout << device_connection_string(service.host, identity, key) << "\n";
    return kDone;
  }
  if (config.policy.empty()) {
    std::cout << hub.connection_string << "\n";
    return kDone;
  }
  for (const auto& each : hub.policies) {
    if (each.policy != config.policy) continue;
    std::cout << each.connection_string << "\n";
    return kDone;
  }
  throw std::runtime_error("the hub has no policy '" + config.policy + "'");
}

/// The hub as for `health`, but by the string of its Event-Hubs-compatible endpoint.
int monitor_events(const Config& config, const Environment& environment) {
  const std::string_view given = variable(environment, "EVENTHUB_CONNECTION_STRING");
  if (given.empty() || config.data_folder_is_a_flag) {
    const RunningHub hub = running_hub(config);
    return monitor(config, hub.event_hub_connection_string, {hub.ca_file});
  }
  std::vector<std::filesystem::path> ca_files;
  if (const std::string_view bundle = variable(environment, "SSL_CERT_FILE"); !bundle.empty()) {
    ca_files.emplace_back(bundle);
  }
  ca_files.push_back(config.ca_folder / "ca.pem");
  return monitor(config, std::string(given), ca_files);
}

/// One that runs over the data folder, or that the environment names.
bool seeds_a_running_hub(const Config& config, const Environment& environment) {
  if (config.seed_words.front() == "validate") return false;
  if (!config.data_folder_is_a_flag && !variable(environment, "IOTHUB_CONNECTION_STRING").empty()) return true;
  return find_running_hub(config.data_folder).has_value();
}

int ask_control(const Config& config, const Environment& environment) {
  const HubClient::ControlRequest request = control_request(config);
  const Target hub = target(config, environment);
  return run_control_command(config, request, HubClient(hub.parsed(), hub.ca_files));
}

int run_command(const Config& config, const Environment& environment) {
  switch (config.command) {
    case Command::serve:
      return serve(config);
    case Command::exec:
      return exec(config, environment);
    case Command::env:
      return print_environment(config, environment);
    case Command::ca:
      return print_ca(config);
    case Command::health:
      return check_health(config, environment);
    case Command::connection_string:
      return print_connection_string(config, environment);
    case Command::reset:
    case Command::snapshot:
    case Command::messages:
    case Command::events:
    case Command::clock:
    case Command::faults:
    case Command::explain:
    case Command::connections:
    case Command::c2d:
    case Command::feedback:
    case Command::hubs:
      return ask_control(config, environment);
    case Command::route:
      return test_routes(config);
    case Command::monitor:
      return monitor_events(config, environment);
    case Command::seed:
      if (seeds_a_running_hub(config, environment)) {
        const Target hub = target(config, environment);
        return run_live_seed_command(config, HubClient(hub.parsed(), hub.ca_files));
      }
      return run_seed_command(config);
    case Command::scenario:
      if (config.scenario_words.front() == "runs") return ask_control(config, environment);
      return run_scenario_command(config, environment);
    case Command::simulate:
      return run_simulate_command(config, running_hub(config));
  }
  return kFailed;
}

int fail(const std::string& message, ExitStatus status) {
  std::cerr << "iothub-emulator: " << message << "\n";
  return status;
}

}  // namespace

int run(const std::vector<std::string>& arguments, const Environment& environment) {
  try {
    const auto read = read_config(arguments, environment);
    if (const auto* information = std::get_if<Information>(&read)) {
      std::cout << information->text;
      return kDone;
    }
    const auto& config = std::get<Config>(read);
    start_log(config.log_level, config.log_format);
    const int status = run_command(config, environment);
    std::cout.flush();
    return std::cout ? status : fail("cannot write to standard output", kFailed);
  } catch (const ConfigError& error) {
    return fail(error.what(), kBadConfiguration);
  } catch (const SeedError& error) {
    return fail(error.what(), kSeedFailed);
  } catch (const net::BindError& error) {
    switch (error.kind) {
      case net::BindError::Kind::taken:
        return fail(error.what(), kPortNotAvailable);
      case net::BindError::Kind::not_permitted:
        return fail(error.what() + ("; " + std::string(kHowToAllowLowPorts)), kPortNotAvailable);
      case net::BindError::Kind::other:
        break;  // no matter of the port: an address that this machine does not have
    }
    return fail(error.what(), kFailed);
  } catch (const std::exception& error) {
    return fail(error.what(), kFailed);
  }
}

}  // namespace iothub::app
