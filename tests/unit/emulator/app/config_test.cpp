#include "emulator/app/config.h"

#include <doctest/doctest.h>

#include <fstream>
#include <string>

#include "emulator/app/temporary_folder.h"

using namespace iothub::app;

namespace {

const Environment kHome{{"HOME", "/home/someone"}};

Environment with(Environment environment, const std::string& name, const std::string& value) {
  environment[name] = value;
  return environment;
}

Config config_of(const std::vector<std::string>& arguments, const Environment& environment = kHome) {
  return std::get<Config>(read_config(arguments, environment));
}

std::string refusal_of(const std::vector<std::string>& arguments, const Environment& environment = kHome) {
  try {
    read_config(arguments, environment);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "accepted";
}

std::string information_of(const std::vector<std::string>& arguments) {
  return std::get<Information>(read_config(arguments, kHome)).text;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// A configuration file, and the arguments of `serve` with it.
struct File {
  explicit File(const std::string& content) : path((folder.path() / "hub.toml").string()) {
    std::ofstream(path) << content;
  }

  Config serve(std::vector<std::string> flags = {}, const Environment& environment = kHome) const {
    flags.insert(flags.begin(), {"serve", "--config", path});
    return config_of(flags, environment);
  }
  std::string refusal() const { return refusal_of({"serve", "--config", path}); }

  TemporaryFolder folder;
  std::string path;
};

}  // namespace

TEST_CASE("without any setting the hub serves the well-known ports on loopback and keeps its data at home") {
  const Config config = config_of({"serve"});
  CHECK(config.command == Command::serve);
  CHECK(config.ports == Ports{443, 8883, 5671});
  CHECK(config.listen_address == "localhost");
  CHECK(config.data_folder == "/home/someone/.local/share/iothub-emulator");
  CHECK(config.ca_folder == "/home/someone/.local/share/iothub-emulator/ca");
  CHECK_FALSE(config.in_memory);
  CHECK_FALSE(config.sas_grace_seconds.has_value());
  CHECK(config.log_level == LogLevel::info);
}

TEST_CASE("flags win over the environment, which wins over the file, which wins over the defaults") {
  const File file("https-port = 1001\nmqtts-port = 1002\namqps-port = 1003\n");
  const Environment environment =
      with(with(kHome, "IOTHUB_EMULATOR_MQTTS_PORT", "2002"), "IOTHUB_EMULATOR_AMQPS_PORT", "2003");
  const Config config = file.serve({"--amqps-port", "3003"}, environment);
  CHECK(config.ports == Ports{1001, 2002, 3003});
}

TEST_CASE("the environment may name the configuration file") {
  const File file("https-port = 1001\n");
  CHECK(config_of({"serve"}, with(kHome, "IOTHUB_EMULATOR_CONFIG", file.path)).ports.https == 1001);
}

TEST_CASE("a file says every kind of setting") {
  const File file(R"(# a comment
data = "/var/lib/my hub"
host-name = ["one.example", "two.example"]
lenient = true
log-format = json
log-level = "debug"
sas-grace = 0
)");
  const Config config = file.serve();
  CHECK(config.data_folder == "/var/lib/my hub");
  CHECK(config.host_names == std::vector<std::string>{"one.example", "two.example"});
  CHECK(config.lenient);
  CHECK(config.log_format == LogFormat::json);
  CHECK(config.log_level == LogLevel::debug);
  CHECK(config.sas_grace_seconds == 0);
}

TEST_CASE("an unknown key of the file is refused with the nearest one") {
  const std::string refusal = File("htps-port = 1\n").refusal();
  CHECK(contains(refusal, "'htps-port'"));
  CHECK(contains(refusal, "'https-port'"));
  CHECK(contains(refusal, "hub.toml"));
}

TEST_CASE("sections of the file are refused") {
  CHECK(contains(File("[serve]\nlenient = true\n").refusal(), "section"));
}

TEST_CASE("a file that is not there is refused by its name") {
  CHECK(contains(refusal_of({"serve", "--config", "/nowhere/hub.toml"}), "/nowhere/hub.toml"));
}

TEST_CASE("an unknown environment variable of ours is refused with the nearest one") {
  const std::string refusal = refusal_of({"serve"}, with(kHome, "IOTHUB_EMULATOR_HTTP_PORT", "1"));
  CHECK(contains(refusal, "IOTHUB_EMULATOR_HTTP_PORT"));
  CHECK(contains(refusal, "IOTHUB_EMULATOR_HTTPS_PORT"));
}

TEST_CASE("environment variables that exec gives its command are no settings") {
  CHECK_NOTHROW(config_of({"serve"}, with(kHome, "IOTHUB_CONNECTION_STRING", "HostName=localhost")));
}

TEST_CASE("ca takes an action on the devices' CAs") {
  CHECK(config_of({"ca"}).ca_words.empty());
  CHECK(config_of({"ca", "list", "--data", "/d"}).ca_words == std::vector<std::string>{"list"});
  CHECK(config_of({"ca", "add", "maker.pem"}).ca_words == std::vector<std::string>{"add", "maker.pem"});
  CHECK(contains(refusal_of({"ca", "add"}), "add FILE"));
  CHECK(contains(refusal_of({"ca", "steal", "maker.pem"}), "add FILE"));
}

TEST_CASE("an environment variable of another command is read and has no effect") {
  CHECK_NOTHROW(config_of({"health"}, with(kHome, "IOTHUB_EMULATOR_LISTEN", "0.0.0.0")));
  CHECK(contains(refusal_of({"health"}, with(kHome, "IOTHUB_EMULATOR_LISTEN", "nonsense")), "nonsense"));
}

TEST_CASE("an empty environment variable counts as not set") {
  CHECK(config_of({"serve"}, with(kHome, "IOTHUB_EMULATOR_HTTPS_PORT", "")).ports.https == 443);
}

TEST_CASE("host names come repeated as flags and separated by commas from the environment") {
  CHECK(config_of({"serve", "--host-name", "a", "--host-name", "b.c"}).host_names ==
        std::vector<std::string>{"a", "b.c"});
  CHECK(config_of({"serve"}, with(kHome, "IOTHUB_EMULATOR_HOST_NAME", "a, b.c")).host_names ==
        std::vector<std::string>{"a", "b.c"});
}

TEST_CASE("flags replace the host names of the environment") {
  CHECK(config_of({"serve", "--host-name", "a"}, with(kHome, "IOTHUB_EMULATOR_HOST_NAME", "b")).host_names ==
        std::vector<std::string>{"a"});
}

TEST_CASE("of a flag given twice the last one counts") {
  CHECK(config_of({"serve", "--https-port", "1", "--https-port", "2"}).ports.https == 2);
}

TEST_CASE("bad values are refused with the place that says them") {
  CHECK(refusal_of({"serve", "--https-port", "x"}) == "--https-port: 'x' is not a number from 0 to 65535");
  CHECK(contains(refusal_of({"serve", "--https-port", "65536"}), "65536"));
  CHECK(contains(refusal_of({"serve", "--sas-grace=-1"}), "--sas-grace"));
  CHECK(contains(refusal_of({"serve", "--log-level", "loud"}), "trace, debug, info, warning, error, off"));
  CHECK(contains(refusal_of({"serve", "--listen", "example.com"}), "--listen"));
  CHECK(contains(refusal_of({"serve", "--host-name", "localhost:8443"}), "--host-name"));
  CHECK(contains(refusal_of({"serve"}, with(kHome, "IOTHUB_EMULATOR_LENIENT", "perhaps")), "IOTHUB_EMULATOR_LENIENT"));
  CHECK(contains(File("https-port = none\n").refusal(), "hub.toml: https-port"));
}

TEST_CASE("an unknown flag is refused with the nearest one") {
  CHECK(refusal_of({"serve", "--http-port", "1"}) == "unknown flag --http-port: the nearest one is --https-port");
  CHECK(refusal_of({"serve", "--http-port=1"}) == "unknown flag --http-port: the nearest one is --https-port");
  CHECK(contains(refusal_of({"health", "--lenient"}), "does not belong"));
}

TEST_CASE("an unknown command is refused with the nearest one") {
  CHECK(refusal_of({"sevre"}) == "unknown command 'sevre': the nearest one is 'serve'");
  CHECK(contains(refusal_of({}), "a command is missing"));
}

TEST_CASE("refusals are one line") {
  for (const auto& arguments : std::vector<std::vector<std::string>>{
           {}, {"sevre"}, {"serve", "x"}, {"serve", "--data"}, {"serve", "-q"}, {"ca", "--pem=5"}}) {
    const std::string refusal = refusal_of(arguments);
    CAPTURE(refusal);
    CHECK(refusal != "accepted");
    CHECK_FALSE(contains(refusal, "\n"));
  }
}

TEST_CASE("what follows the first -- is exec's command, untouched") {
  CHECK_FALSE(config_of({"serve"}).allow_plain);
  CHECK(config_of({"serve", "--allow-plain"}).allow_plain);
  const Config config = config_of({"exec", "--lenient", "--", "cargo", "test", "--", "--data", "serve"});
  CHECK(config.lenient);
  CHECK(config.child_command == std::vector<std::string>{"cargo", "test", "--", "--data", "serve"});
  CHECK(contains(refusal_of({"exec", "true"}), "true"));
  CHECK(contains(refusal_of({"exec"}), "exec --"));
  CHECK(contains(refusal_of({"serve", "--", "true"}), "only exec"));
}

TEST_CASE("exec keeps nothing unless it is given a data folder") {
  CHECK(config_of({"exec", "--", "true"}).in_memory);
  CHECK_FALSE(config_of({"exec", "--data", "d", "--", "true"}).in_memory);
  CHECK_FALSE(config_of({"exec", "--", "true"}, with(kHome, "IOTHUB_EMULATOR_DATA", "d")).in_memory);
}

TEST_CASE("the later of data folder and in-memory wins, and one command line cannot say both") {
  const Environment data = with(kHome, "IOTHUB_EMULATOR_DATA", "d");
  CHECK(config_of({"serve", "--in-memory"}, data).in_memory);
  CHECK(config_of({"serve"}, with(data, "IOTHUB_EMULATOR_IN_MEMORY", "true")).in_memory);
  const Environment in_memory = with(kHome, "IOTHUB_EMULATOR_IN_MEMORY", "true");
  CHECK_FALSE(config_of({"serve", "--data", "d"}, in_memory).in_memory);
  CHECK(contains(refusal_of({"serve", "--data", "d", "--in-memory"}), "exclude"));
}

TEST_CASE("a hub in memory has its run file in the configured folder") {
  CHECK(config_of({"serve", "--in-memory"}, with(kHome, "IOTHUB_EMULATOR_DATA", "d")).data_folder == "d");
  CHECK(config_of({"health"}, with(kHome, "IOTHUB_EMULATOR_DATA", "d")).data_folder == "d");
}

TEST_CASE("the config knows whether a folder was a flag of this command line") {
  const Config config = config_of({"health", "--data", "d"}, with(kHome, "IOTHUB_EMULATOR_CA_DIR", "c"));
  CHECK(config.data_folder_is_a_flag);
  CHECK_FALSE(config.ca_folder_is_a_flag);
}

TEST_CASE("a connection string is of a policy, a device, or a device's module") {
  CHECK(config_of({"connection-string", "--device", "d", "--module", "m"}).module == "m");
  CHECK(contains(refusal_of({"connection-string", "--module", "m"}), "--device"));
  CHECK(contains(refusal_of({"connection-string", "--policy", "p", "--device", "d"}), "exclude"));
}

TEST_CASE("help and version are asked for instead of a command") {
  CHECK(contains(information_of({"--help"}), "connection-string"));
  CHECK(contains(information_of({"serve", "--help"}), "--ready-file"));
  CHECK(information_of({"--version"}).starts_with("iothub-emulator "));
}

TEST_CASE("every format of env has its name") {
  CHECK(config_of({"env", "--format", "github"}).variable_format == VariableFormat::github);
  CHECK(config_of({"env"}).variable_format == VariableFormat::sh);
  CHECK(contains(refusal_of({"env", "--format", "fish"}), "powershell"));
}

TEST_CASE("events are also bounded by size and read by further consumer groups where it is asked for") {
  CHECK_FALSE(config_of({"serve"}).retention_megabytes);
  const Config config = config_of({"serve", "--retention-mb", "100", "--consumer-group", "a", "--consumer-group", "b"});
  CHECK(config.retention_megabytes == 100);
  CHECK(config.consumer_groups == std::vector<std::string>{"a", "b"});
  CHECK(contains(refusal_of({"serve", "--retention-mb", "0"}), "--retention-mb"));
}

TEST_CASE("monitor reads one consumer group, which the environment's list does not choose") {
  CHECK(config_of({"monitor"}).monitored_group == "$Default");
  CHECK(config_of({"monitor", "--consumer-group", "a", "--from", "beginning", "--json"}).monitored_group == "a");
  CHECK(config_of({"monitor"}, with(kHome, "IOTHUB_EMULATOR_CONSUMER_GROUP", "a b")).monitored_group == "$Default");
  CHECK(contains(refusal_of({"monitor", "--consumer-group", "a", "--consumer-group", "b"}), "one"));
  CHECK(contains(refusal_of({"monitor", "--module", "m"}), "--device"));
}

TEST_CASE("route takes test and a message") {
  const std::string message = R"({"body":1})";
  CHECK(config_of({"route", "test", "--message", message, "--routes", "r.json"}).message == message);
  CHECK(refusal_of({"route", "--message", message}) == "`route` takes test");
  CHECK(refusal_of({"route", "test"}) == "`route test` needs --message");
}
