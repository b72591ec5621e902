#include "emulator/app/config.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <fstream>
#include <map>
#include <span>

#include "emulator/app/data_folder.h"
#include "emulator/app/remote_blob_client.h"
#include "emulator/net/listener.h"
#include "protocol/text/ascii.h"
#include "protocol/text/nearest_name.h"

namespace iothub::app {
namespace {

constexpr std::string_view kVariablePrefix = "IOTHUB_EMULATOR_";
constexpr std::int64_t kLongestGrace = 365 * 24 * 3600;
constexpr std::int64_t kMostRetentionMegabytes = 1'000'000;

// ---- values: each reader throws std::invalid_argument with what is wrong ------------------------------------------

using Values = std::vector<std::string>;

const std::string& one(const Values& values) {
  if (values.size() != 1) throw std::invalid_argument("it takes one value (quote what holds spaces or commas)");
  if (values.front().empty()) throw std::invalid_argument("it is empty");
  return values.front();
}

std::int64_t number(const Values& values, std::int64_t least, std::int64_t most) {
  const std::string& text = one(values);
  std::int64_t result = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), result);
  if (error != std::errc{} || stop != text.data() + text.size() || result < least || result > most) {
    throw std::invalid_argument("'" + text + "' is not a number from " + std::to_string(least) + " to " +
                                std::to_string(most));
  }
  return result;
}

double real(const Values& values, double least, double most) {
  const std::string& text = one(values);
  double result = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), result);
  if (error != std::errc{} || stop != text.data() + text.size() || !(result >= least && result <= most)) {
    throw std::invalid_argument("'" + text + "' is not a number from 0 to " +
                                std::to_string(static_cast<std::int64_t>(most)));
  }
  return result;
}

std::uint16_t port(const Values& values) {
  return static_cast<std::uint16_t>(number(values, 0, 65535));
}

bool truth(const Values& values) {
  const std::string text = text::lower(one(values));
  for (const std::string_view yes : {"true", "yes", "on", "1"})
    if (text == yes) return true;
  for (const std::string_view no : {"false", "no", "off", "0"})
    if (text == no) return false;
  throw std::invalid_argument("'" + text + "' is neither true nor false");
}

hub::Tier tier(const Values& values) {
  const std::string& text = one(values);
  const std::optional<hub::Tier> tier = hub::tier_of(text);
  if (!tier) throw std::invalid_argument("'" + text + "' is not one of F1, B1, B2, B3, S1, S2, S3, free");
  return *tier;
}

template <typename Choice>
struct Named {
  std::string_view name;
  Choice value;
};

template <typename Choice>
Choice choice(const Values& values, std::span<const Named<Choice>> choices) {
  const std::string& text = one(values);
  std::string names;
  for (const auto& each : choices) {
    if (each.name == text) return each.value;
    names += (names.empty() ? "" : ", ") + std::string(each.name);
  }
  throw std::invalid_argument("'" + text + "' is none of " + names);
}

constexpr Named<LogLevel> kLogLevels[] = {
    {"trace", LogLevel::trace},     {"debug", LogLevel::debug}, {"info", LogLevel::info},
    {"warning", LogLevel::warning}, {"error", LogLevel::error}, {"off", LogLevel::off},
};
constexpr Named<int> kProtocols[] = {{"mqtt", 0}};
constexpr Named<LogFormat> kLogFormats[] = {{"text", LogFormat::text}, {"json", LogFormat::json}};
constexpr Named<VariableFormat> kVariableFormats[] = {
    {"sh", VariableFormat::sh},         {"dotenv", VariableFormat::dotenv},
    {"json", VariableFormat::json},     {"powershell", VariableFormat::powershell},
    {"github", VariableFormat::github},
};

std::vector<std::string> host_names(const Values& values) {
  for (const std::string& name : values) {
    // What a certificate takes: a DNS name or an address, without port and wildcard.
    const bool fits = !name.empty() && name.size() <= 253 && std::all_of(name.begin(), name.end(), [](char c) {
      return text::is_alpha(c) || text::is_digit(c) || c == '.' || c == '-' || c == '_' || c == ':';
    });
    const bool has_port = std::count(name.begin(), name.end(), ':') == 1;
    if (!fits || has_port) throw std::invalid_argument("'" + name + "' is not a host name or address without port");
  }
  return values;
}

std::string listen_address(const Values& values) {
  net::listen_addresses(one(values));
  return one(values);
}

// ---- the settings --------------------------------------------------------------------------------------------------

constexpr unsigned bit(Command command) {
  return 1U << static_cast<unsigned>(command);
}
constexpr unsigned kServing = bit(Command::serve) | bit(Command::exec);
constexpr unsigned kAsking = bit(Command::health) | bit(Command::connection_string) | bit(Command::monitor);
constexpr unsigned kSimulating = bit(Command::simulate);
constexpr unsigned kScenario = bit(Command::scenario);
constexpr unsigned kControl = bit(Command::reset) | bit(Command::snapshot) | bit(Command::messages) |
                              bit(Command::events) | bit(Command::clock) | bit(Command::faults) |
                              bit(Command::explain) | bit(Command::connections) | bit(Command::c2d) |
                              bit(Command::feedback) | bit(Command::hubs);
constexpr unsigned kAll = kServing | kAsking | kSimulating | kControl | bit(Command::env) | bit(Command::ca) |
                          bit(Command::route) | bit(Command::seed) | kScenario;

enum class Kind { value, list, flag };

constexpr unsigned kOfDevice = bit(Command::connection_string) | bit(Command::route) | bit(Command::monitor);

struct Setting {
  std::string_view name;
  Kind kind;
  unsigned commands;
  std::string_view placeholder;
  std::string_view help;
  void (*set)(Config&, const Values&);
};

constexpr Setting kSettings[] = {
    {"config", Kind::value, kAll, "FILE", "read settings from FILE: lines `flag-name = value`",
     [](Config&, const Values&) {}},  // was read before all others
    {"data", Kind::value, kAll, "DIR", "the data folder [$XDG_DATA_HOME/iothub-emulator; exec: kept in memory]",
     [](Config& config, const Values& values) {
       config.data_folder = one(values);
       config.in_memory = false;
     }},
    {"in-memory", Kind::flag, kServing, "", "keep nothing",
     [](Config& config, const Values& values) { config.in_memory = truth(values); }},
    {"host-name", Kind::list, kServing, "NAME",
     "a further name that clients say (repeatable); localhost, 127.0.0.1, ::1 and host.docker.internal always are",
     [](Config& config, const Values& values) { config.host_names = host_names(values); }},
    {"device-ca", Kind::list, kServing, "FILE",
     "PEM of a CA that signs devices' certificates, for authentication certificateAuthority (repeatable)",
     [](Config& config, const Values& values) { config.device_ca_files.assign(values.begin(), values.end()); }},
    {"listen", Kind::value, kServing, "ADDR", "localhost, one address, or * for every address [localhost]",
     [](Config& config, const Values& values) { config.listen_address = listen_address(values); }},
    {"https-port", Kind::value, kServing | kScenario, "PORT", "[443], 0: the system picks one",
     [](Config& config, const Values& values) { config.ports.https = port(values); }},
    {"mqtts-port", Kind::value, kServing | kScenario, "PORT", "[8883]",
     [](Config& config, const Values& values) { config.ports.mqtts = port(values); }},
    {"amqps-port", Kind::value, kServing | kScenario, "PORT", "[5671]",
     [](Config& config, const Values& values) { config.ports.amqps = port(values); }},
    {"amqp-port", Kind::value, kServing | kScenario, "PORT",
     "[5672], AMQP without TLS: for Event Hubs clients on this machine",
     [](Config& config, const Values& values) { config.ports.amqp = port(values); }},
    {"portal-dir", Kind::value, kServing, "DIR", "serve the portal's page from here, while working on it [built in]",
     [](Config& config, const Values& values) { config.portal_folder = one(values); }},
    {"no-portal", Kind::flag, kServing, "", "serve the control API without the portal's page",
     [](Config& config, const Values& values) { config.no_portal = truth(values); }},
    {"portal-port", Kind::value, kServing | kScenario, "PORT", "[8890], the portal and the control API, without TLS",
     [](Config& config, const Values& values) { config.ports.portal = port(values); }},
    {"control-token", Kind::value, kServing | kControl | kScenario, "TOKEN",
     "let who shows TOKEN use the control API, also from other machines [this machine only, without a token]",
     [](Config& config, const Values& values) { config.control_token = one(values); }},
    {"allow-port-fallback", Kind::flag, bit(Command::exec) | kScenario, "",
     "use other ports where 443, 8883, 5671 or 5672 cannot be had, instead of failing",
     [](Config& config, const Values& values) { config.allow_port_fallback = truth(values); }},
    {"ca-dir", Kind::value, kAll, "DIR", "the folder of the certificate authority [$XDG_DATA_HOME/iothub-emulator/ca]",
     [](Config& config, const Values& values) { config.ca_folder = one(values); }},
    {"sas-grace", Kind::value, kServing | kScenario, "SECONDS",
     "how long expired tokens pass [300 when they are presented, 600 on a live link]",
     [](Config& config, const Values& values) { config.sas_grace_seconds = number(values, 0, kLongestGrace); }},
    {"partitions", Kind::value, kServing | bit(Command::seed) | kScenario, "NUMBER",
     "of the built-in events endpoint, 1 to 32 [4]",
     [](Config& config, const Values& values) {
       config.partitions = static_cast<int>(number(values, hub::kMinPartitions, hub::kMaxPartitions));
     }},
    {"retention-days", Kind::value, kServing | kScenario, "DAYS", "how long events are kept, 1 to 7 [1]",
     [](Config& config, const Values& values) {
       config.retention_days = static_cast<int>(number(values, 1, hub::kMaxRetentionDays));
     }},
    {"retention-mb", Kind::value, kServing, "MEGABYTES",
     "also drop the oldest events beyond this size of all partitions together, read or not [no limit]",
     [](Config& config, const Values& values) {
       config.retention_megabytes = number(values, 1, kMostRetentionMegabytes);
     }},
    {"consumer-group", Kind::list, kServing | bit(Command::monitor), "NAME",
     "a consumer group beside $Default (repeatable; a data folder keeps them); monitor: the one to read for",
     [](Config& config, const Values& values) { config.consumer_groups = values; }},
    {"routes", Kind::value, kServing | kScenario | bit(Command::route), "FILE",
     "message routes, fallback route, enrichments and endpoints (JSON) [telemetry and twin changes to events]",
     [](Config& config, const Values& values) { config.routes_file = one(values); }},
    {"storage-connection-string", Kind::value, kServing, "STRING",
     "storage account for file uploads, of Azure or an Azurite [the hub's own]",
     [](Config& config, const Values& values) {
       parse_storage_connection_string(one(values));
       config.storage_connection_string = one(values);
     }},
    {"storage-container", Kind::value, kServing, "NAME", "its container [uploads]",
     [](Config& config, const Values& values) { config.storage_container = one(values); }},
    {"seed", Kind::list, kServing, "FILE",
     "make what the seed FILE describes before the hub is ready; a folder: each of its seeds by name (repeatable)",
     [](Config& config, const Values& values) { config.seed_files.assign(values.begin(), values.end()); }},
    {"lenient", Kind::flag, kServing | kScenario, "", "accept some requests that the real hub refuses",
     [](Config& config, const Values& values) { config.lenient = truth(values); }},
    {"fault-injection", Kind::flag, kServing | kScenario, "",
     "obey the faults that the SDKs' own tests ask for in telemetry",
     [](Config& config, const Values& values) { config.fault_injection = truth(values); }},
    {"tier", Kind::value, kServing | kScenario, "TIER",
     "throttle and count messages as a hub of F1 (or free), B1, B2, B3, S1, S2 or S3 does [no throttles]",
     [](Config& config, const Values& values) { config.tier = tier(values); }},
    {"units", Kind::value, kServing | kScenario, "NUMBER", "of --tier [1]",
     [](Config& config, const Values& values) { config.units = static_cast<int>(number(values, 1, 200)); }},
    {"deterministic", Kind::value, kServing, "SEED",
     "the same keys, etags, ids and times in every run; the hub's clock stands until it is moved",
     [](Config& config, const Values& values) { config.deterministic_seed = one(values); }},
    {"allow-plain", Kind::flag, kServing, "", "take clients without TLS on the same ports, too",
     [](Config& config, const Values& values) { config.allow_plain = truth(values); }},
    {"ready-file", Kind::value, bit(Command::serve), "FILE",
     "write ports, CA file and connection strings there (JSON) once all is served",
     [](Config& config, const Values& values) { config.ready_file = one(values); }},
    {"log-format", Kind::value, kAll, "FORMAT", "text or json [text]",
     [](Config& config, const Values& values) { config.log_format = choice<LogFormat>(values, kLogFormats); }},
    {"log-level", Kind::value, kAll, "LEVEL", "trace, debug, info, warning, error or off [info]",
     [](Config& config, const Values& values) { config.log_level = choice<LogLevel>(values, kLogLevels); }},
    {"format", Kind::value, bit(Command::env), "FORMAT", "sh, dotenv, json, powershell or github [sh]",
     [](Config& config, const Values& values) {
       config.variable_format = choice<VariableFormat>(values, kVariableFormats);
     }},
    {"pem", Kind::flag, bit(Command::ca), "", "print the certificate instead of its file's name",
     [](Config& config, const Values& values) { config.print_pem = truth(values); }},
    {"devices", Kind::value, kSimulating, "NUMBER", "simulated devices: simulated-1, simulated-2, ... [1]",
     [](Config& config, const Values& values) {
       config.simulated_devices = static_cast<int>(number(values, 1, 10'000));
     }},
    {"template", Kind::value, kSimulating, "FILE", "what they send, report and answer (docs/simulate.md)",
     [](Config& config, const Values& values) { config.template_file = one(values); }},
    {"rate", Kind::value, kSimulating, "NUMBER", "telemetry messages a second, of all devices together [1]",
     [](Config& config, const Values& values) { config.rate = real(values, 0, 1e6); }},
    {"duration", Kind::value, kSimulating, "SECONDS", "[until SIGINT]",
     [](Config& config, const Values& values) { config.duration_seconds = real(values, 0, 1e9); }},
    {"protocol", Kind::value, kSimulating, "PROTOCOL", "mqtt [mqtt]",
     [](Config&, const Values& values) { choice<int>(values, kProtocols); }},
    {"junit", Kind::value, kScenario, "FILE", "write the outcome there, too, as JUnit's XML",
     [](Config& config, const Values& values) { config.junit_file = one(values); }},
    {"watch", Kind::flag, kScenario, "", "run again whenever a file changes, until SIGINT",
     [](Config& config, const Values& values) { config.watch = truth(values); }},
    {"policy", Kind::value, bit(Command::connection_string), "POLICY", "of a shared access policy [iothubowner]",
     [](Config& config, const Values& values) { config.policy = one(values); }},
    {"device", Kind::value, kOfDevice, "DEVICE", "of a device",
     [](Config& config, const Values& values) { config.device = one(values); }},
    {"module", Kind::value, kOfDevice, "MODULE", "of a module of --device",
     [](Config& config, const Values& values) { config.module = one(values); }},
    {"hub", Kind::list, kServing | kControl | bit(Command::seed), "NAME",
     "serve: a further hub, by its host name or as 127.0.0.N (repeatable); else: which hub is meant [the default one]",
     [](Config& config, const Values& values) { config.hubs = values; }},
    {"keep-links", Kind::flag, bit(Command::reset), "", "connected devices stay connected, with new twins",
     [](Config& config, const Values& values) { config.keep_links = truth(values); }},
    {"message", Kind::value, bit(Command::route), "FILE|JSON",
     "the message: {\"body\":..,\"appProperties\":{..},\"systemProperties\":{..}}",
     [](Config& config, const Values& values) { config.message = one(values); }},
    {"twin", Kind::value, bit(Command::route), "FILE|JSON",
     "its sender's twin: {\"tags\":{..},\"properties\":{\"desired\":{..},\"reported\":{..}}}",
     [](Config& config, const Values& values) { config.twin = one(values); }},
    {"source", Kind::value, bit(Command::route), "SOURCE", "what the message is [DeviceMessages]",
     [](Config& config, const Values& values) { config.source = one(values); }},
    {"json", Kind::flag, bit(Command::route) | bit(Command::monitor), "", "print JSON",
     [](Config& config, const Values& values) { config.json = truth(values); }},
    {"from", Kind::value, bit(Command::monitor), "beginning|now|TIME", "where to begin; a time is ISO 8601 [now]",
     [](Config& config, const Values& values) { config.from = one(values); }},
};

constexpr std::string_view kConfigSetting = "config";

const Setting* find_setting(std::string_view name) {
  for (const Setting& setting : kSettings)
    if (setting.name == name) return &setting;
  return nullptr;
}

std::string flag_of(std::string_view name) {
  return "--" + std::string(name);
}

std::string variable_of(std::string_view name) {
  std::string variable(kVariablePrefix);
  for (const char c : name) variable += c == '-' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return variable;
}

std::string_view nearest_setting(std::string_view name) {
  std::vector<std::string_view> names;
  for (const Setting& setting : kSettings) names.push_back(setting.name);
  return text::nearest_name(name, names);
}

// ---- the places that settings come from ----------------------------------------------------------------------------

struct Given {
  const Setting* setting;
  std::string place;  ///< how an error names it: `--listen`, `IOTHUB_EMULATOR_LISTEN`, `hub.toml: listen`
  Values values;
};
/// What one place gives.
using Layer = std::vector<Given>;

Values split_list(const std::string& text) {
  Values values;
  std::string value;
  for (const char c : text + ",") {
    if (c != ',' && c != ' ') {
      value += c;
    } else if (!value.empty()) {
      values.push_back(std::exchange(value, {}));
    }
  }
  return values;
}

Layer environment_layer(const Environment& environment) {
  Layer layer;
  for (const auto& [variable, value] : environment) {
    if (!variable.starts_with(kVariablePrefix)) continue;
    std::string name = text::lower(variable.substr(kVariablePrefix.size()));
    std::replace(name.begin(), name.end(), '_', '-');
    const Setting* setting = find_setting(name);
    if (setting == nullptr || variable_of(name) != variable) {
      throw ConfigError("unknown environment variable " + variable + ": the nearest one is " +
                        variable_of(nearest_setting(name)));
    }
    if (value.empty()) continue;  // compose files and CI set variables that are meant to be unset so
    layer.push_back({setting, variable, setting->kind == Kind::list ? split_list(value) : Values{value}});
  }
  return layer;
}

Layer file_layer(const std::string& file) {
  std::ifstream stream(file);
  if (!stream) throw ConfigError("cannot read the configuration file " + file);
  std::vector<CLI::ConfigItem> lines;
  try {
    lines = CLI::ConfigTOML().from_config(stream);
  } catch (const CLI::Error& error) {
    throw ConfigError("cannot understand the configuration file " + file + ": " + error.what());
  }
  Layer layer;
  for (const CLI::ConfigItem& line : lines) {
    if (!line.parents.empty()) {
      throw ConfigError(file + ": '" + line.parents.front() + "' opens a section, but settings stand in none");
    }
    const Setting* setting = find_setting(line.name);
    if (setting == nullptr) {
      throw ConfigError(file + ": unknown key '" + line.name + "': the nearest one is '" +
                        std::string(nearest_setting(line.name)) + "'");
    }
    if (setting->name == kConfigSetting) throw ConfigError(file + ": one configuration file cannot name another");
    layer.push_back({setting, file + ": " + line.name, line.inputs});
  }
  return layer;
}

const Given* find_given(const Layer& layer, std::string_view name) {
  for (const Given& given : layer)
    if (given.setting->name == name) return &given;
  return nullptr;
}

void apply_layer(const Layer& layer, Config& config) {
  const auto set = [&config](const Given& given) {
    try {
      given.setting->set(config, given.values);
    } catch (const std::invalid_argument& wrong) {
      throw ConfigError(given.place + ": " + wrong.what());
    }
  };
  // Where one place says both, in-memory decides, and the folder only says where the run file is (as in the image,
  // whose environment names the folder).
  for (const Given& given : layer)
    if (given.setting->name != "in-memory") set(given);
  if (const Given* in_memory = find_given(layer, "in-memory")) set(*in_memory);
}

// ---- the command line ----------------------------------------------------------------------------------------------

struct CommandDescription {
  Command command;
  std::string_view name;
  std::string_view help;
};

constexpr CommandDescription kCommands[] = {
    {Command::serve, "serve", "Run a hub until SIGINT or SIGTERM"},
    {Command::exec, "exec", "Run a hub for one command: exec [OPTIONS] -- COMMAND ARGS..."},
    {Command::env, "env", "Print the environment that makes clients find and trust the running hub"},
    {Command::ca, "ca",
     "Print the CA certificate's file name; add FILE, list or remove NAME: the CAs that sign devices' certificates"},
    {Command::health, "health", "Exit status 0 when the hub answers"},
    {Command::connection_string, "connection-string", "Print one connection string of the running hub"},
    {Command::route, "route", "route test: say where a message would go, and why"},
    {Command::monitor, "monitor", "Print the events of the running hub as they come"},
    {Command::reset, "reset", "Make the hub as new, or one device: reset [DEVICE]"},
    {Command::snapshot, "snapshot", "Keep and bring back the hub's state: save, restore, remove or fork NAME, or list"},
    {Command::messages, "messages",
     "Print what the hub received: NAME=VALUE.. as device=d property.level=1 body/temperature=21 wait=30s count=2"},
    {Command::events, "events", "Print all that happens, a line each, until Ctrl-C: device=d events=telemetry,refused"},
    {Command::clock, "clock", "The hub's time: freeze, advance 1h, set 2026-01-01T00:00:00Z, resume, real, or nothing"},
    {Command::faults, "faults",
     "Faults by rule: add NAME=VALUE.. as action=cut device=d operation=telemetry count=1, list, remove ID, clear"},
    {Command::explain, "explain",
     "Why the last requests were refused: explain [DEVICE]; explain query TEXT, explain route MESSAGE"},
    {Command::connections, "connections", "Print who is connected"},
    {Command::c2d, "c2d", "Cloud-to-device messages: list DEVICE, or send DEVICE BODY [messageId=m1] [ack=full] .."},
    {Command::feedback, "feedback", "Print what became of them, and take it from no service client: limit=20"},
    {Command::hubs, "hubs", "The emulator's hubs: list, add [NAME], remove NAME"},
    {Command::simulate, "simulate", "Run simulated devices against the running hub, over MQTT"},
    {Command::scenario, "scenario",
     "run FILE... [-- COMMAND ARGS...]: time lines with expectations, each on a hub of its own (docs/scenarios.md); "
     "runs: the last ones that were told to the running hub"},
    {Command::seed, "seed",
     "apply FILE..., validate FILE..., diff FILE...: seeds and what they change; export: the hub as a seed"},
};

struct CommandLine {
  Command command = Command::serve;
  Layer flags;
  std::vector<std::string> child_command;
  std::vector<std::string> ca_words;
  std::vector<std::string> words;
  std::vector<std::string> route_words;
  std::vector<std::string> seed_words;
  std::vector<std::string> scenario_words;
};

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

/// Why CLI11 found arguments that nothing takes.
std::string unexpected(const CLI::App& app) {
  const std::vector<std::string> extras = app.remaining(true);
  if (extras.empty()) return "too many arguments";
  const std::string& extra = extras.front();
  if (extra.starts_with("--")) {
    const std::string name = extra.substr(2, extra.find('=') == std::string::npos ? extra.npos : extra.find('=') - 2);
    if (find_setting(name) != nullptr) return flag_of(name) + " does not belong to this command";
    return "unknown flag " + flag_of(name) + ": the nearest one is " + flag_of(nearest_setting(name));
  }
  if (app.get_subcommands().empty()) {
    std::vector<std::string_view> names;
    for (const auto& each : kCommands) names.push_back(each.name);
    return "unknown command '" + extra + "': the nearest one is '" + std::string(text::nearest_name(extra, names)) +
           "'";
  }
  return "unexpected argument '" + extra + "'";
}

std::variant<CommandLine, Information> read_command_line(std::vector<std::string> arguments) {
  CommandLine line;
  // What follows the first `--` is the child's, whatever it looks like.
  const auto separator = std::find(arguments.begin(), arguments.end(), "--");
  const bool separated = separator != arguments.end();
  if (separated) {
    line.child_command.assign(separator + 1, arguments.end());
    arguments.erase(separator, arguments.end());
  }

  CLI::App app("Azure IoT Hub on this machine, for Microsoft's unchanged SDKs.", "iothub-emulator");
  app.set_version_flag("--version", "iothub-emulator " IOTHUB_VERSION);
  app.require_subcommand(1);
  std::map<std::string_view, Values> values;
  for (const CommandDescription& each : kCommands) {
    CLI::App* command = app.add_subcommand(std::string(each.name), std::string(each.help));
    if (each.command == Command::ca) {
      command->add_option("action", line.ca_words, "add FILE, list or remove NAME")->expected(0, 2);
    }
    if ((bit(each.command) & kControl) != 0) command->add_option("words", line.words, "what to do");
    if (each.command == Command::route) command->add_option("action", line.route_words, "test")->expected(0, 1);
    if (each.command == Command::seed) {
      command->add_option("action", line.seed_words, "apply, validate or diff and FILEs, or export")->expected(0, -1);
    }
    if (each.command == Command::scenario) {
      command->add_option("action", line.scenario_words, "run and FILEs, or runs")->expected(0, -1);
    }
    for (const Setting& setting : kSettings) {
      if ((setting.commands & bit(each.command)) == 0) continue;
      if (setting.kind == Kind::flag) {
        // CLI11 keeps the value of `--flag=false` as text.
        command->add_flag(flag_of(setting.name), values[setting.name], std::string(setting.help))
            ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
        continue;
      }
      CLI::Option* option = command->add_option(flag_of(setting.name), values[setting.name], std::string(setting.help));
      option->type_name(std::string(setting.placeholder))->expected(1);
      option->multi_option_policy(setting.kind == Kind::list ? CLI::MultiOptionPolicy::TakeAll
                                                             : CLI::MultiOptionPolicy::TakeLast);
      option->allow_extra_args(false);
    }
  }

  try {
    std::reverse(arguments.begin(), arguments.end());  // as App::parse wants a vector
    app.parse(std::move(arguments));
  } catch (const CLI::CallForHelp&) {
    const auto chosen = app.get_subcommands();
    return Information{chosen.empty() ? app.help() : chosen.front()->help(app.get_name())};
  } catch (const CLI::CallForVersion&) {
    return Information{"iothub-emulator " IOTHUB_VERSION "\n"};
  } catch (const CLI::ExtrasError&) {
    throw ConfigError(unexpected(app));
  } catch (const CLI::RequiredError&) {
    const auto extras = app.remaining(true);
    if (!extras.empty()) throw ConfigError(unexpected(app));
    throw ConfigError(
        "a command is missing: serve, exec, env, ca, health, connection-string, route, seed, scenario or, of a running "
        "hub, "
        "monitor, simulate, reset, snapshot, messages, events, clock, faults, explain, connections, c2d, feedback, "
        "hubs");
  } catch (const CLI::ParseError& error) {
    throw ConfigError(first_line(error.what()));
  }

  const CLI::App* chosen = app.get_subcommands().front();
  for (const CommandDescription& each : kCommands)
    if (chosen->get_name() == each.name) line.command = each.command;
  for (const Setting& setting : kSettings) {
    if ((setting.commands & bit(line.command)) == 0 || chosen->count(flag_of(setting.name)) == 0) continue;
    line.flags.push_back({&setting, flag_of(setting.name), values[setting.name]});
  }
  if (line.command == Command::exec && line.child_command.empty()) {
    throw ConfigError("exec needs a command to run: iothub-emulator exec -- COMMAND ARGS...");
  }
  if (line.command != Command::exec && line.command != Command::scenario && separated) {
    throw ConfigError("only exec and scenario take `--` and a command behind it");
  }
  return line;
}

void check_flags_together(const CommandLine& line) {
  const Given* in_memory = find_given(line.flags, "in-memory");
  if (in_memory != nullptr && find_given(line.flags, "data") != nullptr && in_memory->values != Values{"false"}) {
    throw ConfigError("--data and --in-memory exclude each other");
  }
}

void check_ca_words(const std::vector<std::string>& words) {
  const auto is = [&words](std::string_view action, std::size_t count) {
    return words.size() == count && words.front() == action;
  };
  if (words.empty() || is("add", 2) || is("list", 1) || is("remove", 2)) return;
  throw ConfigError("`ca` takes nothing, or add FILE, list, remove NAME");
}

void check_seed_words(const std::vector<std::string>& words) {
  const std::string action = words.empty() ? std::string() : words.front();
  const bool takes_files = action == "apply" || action == "validate" || action == "diff";
  if ((takes_files && words.size() > 1) || (action == "export" && words.size() == 1)) return;
  throw ConfigError("`seed` takes apply FILE..., validate FILE..., diff FILE... or export");
}

void check_scenario_words(const std::vector<std::string>& words) {
  if (words.size() > 1 && words.front() == "run") return;
  if (words == std::vector<std::string>{"runs"}) return;
  throw ConfigError("`scenario` takes run FILE..., or runs");
}

void check_module(const Config& config) {
  if (!config.module.empty() && config.device.empty()) throw ConfigError("--module needs --device");
}

void check_route(const Config& config) {
  check_module(config);
  if (config.route_words != std::vector<std::string>{"test"}) throw ConfigError("`route` takes test");
  if (config.message.empty()) throw ConfigError("`route test` needs --message");
}

/// Only by a flag: those of the environment or the file are for the hub that has them all.
std::string monitored_group(const Layer& flags) {
  const Given* group = find_given(flags, "consumer-group");
  if (group == nullptr) return "$Default";
  if (group->values.size() != 1) throw ConfigError("--consumer-group: monitor reads for one");
  return group->values.front();
}

/// By a flag, too: a container's environment names the hubs that it serves.
std::string meant_hub(const Layer& flags) {
  const Given* hub = find_given(flags, "hub");
  if (hub == nullptr) return {};
  if (hub->values.size() != 1) throw ConfigError("--hub: the command is about one hub");
  return hub->values.front();
}

void check_connection_string(const Config& config) {
  check_module(config);
  if (!config.policy.empty() && !config.device.empty()) {
    throw ConfigError("--policy and --device exclude each other: a device has a connection string of its own");
  }
}

void check_size(const Config& config, bool units_given) {
  if (!config.tier && units_given) throw ConfigError("--units needs --tier");
  if (!config.tier || config.units <= hub::max_units(*config.tier)) return;
  throw ConfigError("--units: a hub of tier " + std::string(name_of(*config.tier)) + " has at most " +
                    std::to_string(hub::max_units(*config.tier)));
}

}  // namespace

std::variant<Config, Information> read_config(const std::vector<std::string>& arguments,
                                              const Environment& environment) {
  auto read = read_command_line(arguments);
  if (auto* information = std::get_if<Information>(&read)) return std::move(*information);
  const CommandLine& line = std::get<CommandLine>(read);
  check_flags_together(line);

  Config config;
  config.command = line.command;
  config.child_command = line.child_command;
  config.ca_words = line.ca_words;
  config.words = line.words;
  config.route_words = line.route_words;
  check_ca_words(config.ca_words);
  config.seed_words = line.seed_words;
  if (config.command == Command::seed) check_seed_words(config.seed_words);
  config.scenario_words = line.scenario_words;
  if (config.command == Command::scenario) {
    check_scenario_words(config.scenario_words);
    config.log_level = LogLevel::warning;  // the outcome is what is to be read
  }
  config.in_memory = line.command == Command::exec || line.command == Command::scenario;
  const Layer variables = environment_layer(environment);
  const Given* file = find_given(line.flags, kConfigSetting);
  if (file == nullptr) file = find_given(variables, kConfigSetting);
  if (file != nullptr) apply_layer(file_layer(file->values.front()), config);
  apply_layer(variables, config);
  apply_layer(line.flags, config);
  check_size(config, find_given(line.flags, "units") != nullptr);

  config.data_folder_is_a_flag = find_given(line.flags, "data") != nullptr;
  config.ca_folder_is_a_flag = find_given(line.flags, "ca-dir") != nullptr;
  // Asked for only where they are needed: a user may have no home folder.
  if (config.data_folder.empty()) config.data_folder = default_data_folder(environment);
  if (config.ca_folder.empty()) config.ca_folder = default_ca_folder(environment);
  if ((bit(config.command) & kServing) == 0) config.hub = meant_hub(line.flags);
  if (config.command == Command::connection_string) check_connection_string(config);
  if (config.command == Command::route) check_route(config);
  if (config.command == Command::monitor) {
    check_module(config);
    config.monitored_group = monitored_group(line.flags);
  }
  return config;
}

}  // namespace iothub::app
