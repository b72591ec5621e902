#pragma once
/// What is measured. Each function runs once and returns its figures under names that carry their unit. All throw
/// std::runtime_error when the server refuses, closes a connection or takes far too long: there are no half figures.
///
/// `client_busy` is the share of one core that the load generator itself took: near 1 it, not the server, was the
/// limit.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bench/target.h"

namespace iothub::bench {

using Figures = nlohmann::ordered_json;
using Seconds = std::chrono::duration<double>;

/// Devices that provision() makes, and whose names every scenario uses.
inline constexpr std::size_t kDevices = 1000;

/// Registers kDevices over REST.
Figures provision(const Target& hub);

struct Telemetry {
  std::size_t connections = 1;
  std::size_t window = 1;  ///< unacknowledged messages of a connection
  std::size_t payload_bytes = 256;
  bool websocket = false;  ///< MQTT in WebSockets
  Seconds warm_up{0.5};
  Seconds duration{3};
};
/// QoS 1 messages, each sent by a write of its own, until they are acknowledged.
Figures telemetry(const Target& target, const Telemetry& load);

struct Connects {
  std::size_t at_once = 16;
  Seconds warm_up{0.3};
  Seconds duration{3};
};
/// TCP, full TLS handshake, CONNECT, CONNACK, DISCONNECT, over and over.
Figures connects(const Target& target, const Connects& load);

/// Resident memory before and after kDevices connect and subscribe to their desired patches, and are left alone.
Figures idle_memory(const Target& target);

struct Deliveries {
  std::size_t devices = 1;  ///< each in its turn
  std::size_t count = 1000;
  std::size_t in_flight = 1;  ///< at most `devices`
};
/// From the request (a hub: PATCH of a twin over REST; a broker: PUBLISH of another client) to the device's PUBLISH.
Figures deliveries(const Target& target, const Deliveries& load);

struct Queries {
  std::size_t devices = 100'000;  ///< registered with tags if they are not there yet
  Seconds duration{3};            ///< of each query's rounds
};
/// What queries over a large registry cost, and how long they hold up others: the round trips of GET of one identity on
/// another connection, first alone (`idle_`), then beside one query after the other of each kind: one that looks at
/// every twin (`scan_`), one that sorts them into groups (`groups_`), one for a page of 1,000 whole twins (`page_`),
/// one whose tag is indexed (`indexed_`), and 20 scans at once (`many_`).
Figures queries(const Target& hub, const Queries& load);

struct Requests {
  std::string method = "GET";
  std::string path;
  std::string body;
  std::size_t connections = 1;  ///< each with one request in flight
  Seconds warm_up{0.3};
  Seconds duration{3};
};
/// One HTTPS request over and over; `{n}` in its path and body is a number that no request had before.
Figures requests(const Target& server, const Requests& load);

struct Methods {
  std::size_t devices = 1;  ///< each with one call under way
  Seconds warm_up{0.3};
  Seconds duration{3};
};
/// Direct methods, from the REST request to its answer; the devices answer at once.
Figures methods(const Target& hub, const Methods& load);

struct EventReading {
  std::size_t readers = 1;
  std::size_t events = 100'000;  ///< of 256 bytes, stored before the first reader comes
};
/// Events over AMQP until each reader has all of them: a hub's from all its partitions, as each reader of an SDK takes
/// them; a broker's from one queue a reader, since a queue gives each message to one reader only.
Figures event_reading(const Target& target, const EventReading& load);

struct CloudToDevice {
  std::size_t devices = 16;
  std::size_t in_flight = 2;  ///< of a device
  Seconds warm_up{0.3};
  Seconds duration{3};
};
/// Messages over AMQP, all on one link, until their receivers have them: a hub's are devices on MQTT, a broker's the
/// readers of queues.
Figures cloud_to_device(const Target& target, const CloudToDevice& load);

/// As idle_memory(), of devices on AMQP: a token put, one link each way.
Figures idle_amqp_memory(const Target& target);

/// Starts a server, waits for its first CONNACK, whatever that says, and stops it again by SIGTERM.
Figures start(const Target& target, const std::vector<std::string>& command, Seconds settle);

}  // namespace iothub::bench
