#pragma once
/// `monitor`: prints events as they come.
#include <string>

#include "emulator/app/config.h"

namespace iothub::amqp {
struct Message;
}

namespace iothub::app {

/// Reads until the connection ends or the process is stopped; the events go to standard output, one line each.
int monitor(const Config& config, const std::string& event_hub_string,
            const std::vector<std::filesystem::path>& ca_files);

/// `2026-11-25T08:00:00.123Z device/module Telemetry {"temperature":21} level=hot`: the time it was enqueued, who sent
/// it, the source, the body (in base64 where it is no UTF-8), the application properties.
std::string event_text(const amqp::Message& event);

/// `{"enqueuedTime","deviceId","moduleId","source","partition","sequenceNumber","offset","properties",
/// "systemProperties","annotations","body"}`: the body as JSON where it is, else as text; `bodyBase64` instead where it
/// is no UTF-8. What the event does not have is left out.
std::string event_json(int partition, const amqp::Message& event);

}  // namespace iothub::app
