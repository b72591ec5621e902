/// hubbench: puts load on an IoT Hub emulator or on an MQTT broker, and prints what it measured as one line of JSON.
/// bench/run is the front door; by hand this serves to look closer at one scenario.
#include <signal.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include "bench/scenarios.h"
#include "bench/target.h"

namespace {

using namespace iothub::bench;

void add_duration(CLI::App* scenario, const std::string& flag, Seconds& seconds, const std::string& meaning) {
  scenario->add_option_function<double>(
      flag, [&seconds](double value) { seconds = Seconds(value); }, meaning);
}

template <typename Load>
void add_times(CLI::App* scenario, Load& load) {
  add_duration(scenario, "--warm-up", load.warm_up, "seconds");
  add_duration(scenario, "--seconds", load.duration, "measured");
}

int run(int argc, char** argv) {
  CLI::App app("Load generator for iothub-emulator and for MQTT brokers; see bench/run");
  app.require_subcommand(1);
  app.fallthrough();
  Ports ports;
  pid_t process = 0;
  std::string connection_string;
  app.add_option("--mqtts-port", ports.mqtts, "port of MQTT over TLS on this machine")->capture_default_str();
  app.add_option("--https-port", ports.https, "port of REST, and of MQTT in WebSockets")->capture_default_str();
  app.add_option("--amqps-port", ports.amqps, "port of AMQP over TLS")->capture_default_str();
  app.add_option("--pid", process, "the server's process, whose cost is measured");
  app.add_option("--connection-string", connection_string,
                 "a hub's, of iothubowner; without it the server is a broker");

  CLI::App* provision_command = app.add_subcommand("provision", "registers the devices that the rest uses");
  Telemetry telemetry_load;
  CLI::App* telemetry_command = app.add_subcommand("telemetry", "QoS 1 messages until acknowledged");
  telemetry_command->add_option("--connections", telemetry_load.connections)->check(CLI::Range(1ul, kDevices));
  telemetry_command->add_option("--window", telemetry_load.window, "messages in flight of a connection")
      ->check(CLI::Range(1, 60000));
  telemetry_command->add_option("--bytes", telemetry_load.payload_bytes);
  telemetry_command->add_flag("--websocket", telemetry_load.websocket, "MQTT in WebSockets");
  add_times(telemetry_command, telemetry_load);
  Connects connects_load;
  CLI::App* connects_command = app.add_subcommand("connects", "TLS and CONNECT, over and over");
  connects_command->add_option("--at-once", connects_load.at_once)->check(CLI::Range(1ul, kDevices));
  add_times(connects_command, connects_load);
  CLI::App* idle_command = app.add_subcommand("idle-memory", "resident memory of a connected device");
  Deliveries deliveries_load;
  CLI::App* deliveries_command = app.add_subcommand("deliveries", "PATCH of a twin until the device has it");
  deliveries_command->add_option("--devices", deliveries_load.devices)->check(CLI::Range(1ul, kDevices));
  deliveries_command->add_option("--count", deliveries_load.count)->check(CLI::PositiveNumber);
  deliveries_command->add_option("--in-flight", deliveries_load.in_flight)->check(CLI::PositiveNumber);
  Queries queries_load;
  CLI::App* queries_command = app.add_subcommand("queries", "queries over many devices, and others beside them");
  queries_command->add_option("--devices", queries_load.devices)->check(CLI::PositiveNumber);
  add_duration(queries_command, "--seconds", queries_load.duration, "measured of each query");
  Requests requests_load;
  CLI::App* requests_command = app.add_subcommand("requests", "one HTTPS request over and over");
  requests_command->add_option("--method", requests_load.method);
  requests_command->add_option("--path", requests_load.path, "{n} in it is a new number each time")->required();
  requests_command->add_option("--body", requests_load.body, "JSON, {n} as in the path");
  requests_command->add_option("--connections", requests_load.connections)->check(CLI::PositiveNumber);
  add_times(requests_command, requests_load);
  Methods methods_load;
  CLI::App* methods_command = app.add_subcommand("methods", "direct methods until answered");
  methods_command->add_option("--devices", methods_load.devices)->check(CLI::Range(1ul, kDevices));
  add_times(methods_command, methods_load);
  EventReading reading_load;
  CLI::App* reading_command = app.add_subcommand("events", "events over AMQP until they are read");
  reading_command->add_option("--readers", reading_load.readers)->check(CLI::Range(1, 5));
  reading_command->add_option("--events", reading_load.events)->check(CLI::PositiveNumber);
  CloudToDevice c2d_load;
  CLI::App* c2d_command = app.add_subcommand("c2d", "cloud-to-device messages over AMQP until devices have them");
  c2d_command->add_option("--devices", c2d_load.devices)->check(CLI::Range(1ul, kDevices));
  c2d_command->add_option("--in-flight", c2d_load.in_flight, "of a device")->check(CLI::Range(1, 50));
  add_times(c2d_command, c2d_load);
  CLI::App* idle_amqp_command = app.add_subcommand("idle-amqp-memory", "resident memory of a device on AMQP");
  Seconds settle{1};
  std::vector<std::string> command;
  CLI::App* start_command = app.add_subcommand("start", "start of a server until it answers, and its stop");
  add_duration(start_command, "--settle", settle, "seconds between the first answer and the look at its memory");
  start_command->add_option("command", command, "the server, after --")->required();
  CLI11_PARSE(app, argc, argv);

  const Target target(process, ports, connection_string);
  Figures figures;
  if (*provision_command) figures = provision(target);
  if (*telemetry_command) figures = telemetry(target, telemetry_load);
  if (*connects_command) figures = connects(target, connects_load);
  if (*idle_command) figures = idle_memory(target);
  if (*deliveries_command) figures = deliveries(target, deliveries_load);
  if (*queries_command) figures = queries(target, queries_load);
  if (*requests_command) figures = requests(target, requests_load);
  if (*methods_command) figures = methods(target, methods_load);
  if (*reading_command) figures = event_reading(target, reading_load);
  if (*c2d_command) figures = cloud_to_device(target, c2d_load);
  if (*idle_amqp_command) figures = idle_amqp_memory(target);
  if (*start_command) figures = start(target, command, settle);
  std::cout << figures.dump() << std::endl;
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "hubbench: " << error.what() << std::endl;
    return 1;
  }
}
