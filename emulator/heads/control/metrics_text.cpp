#include "emulator/heads/control/metrics_text.h"

#include <functional>
#include <string_view>

#include "emulator/hub/metrics.h"
#include "emulator/hub/observer.h"

namespace iothub::heads::control {
namespace {

std::string label_value(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\\' || c == '"') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

void head(std::string& out, std::string_view name, std::string_view type, std::string_view help) {
  out += "# HELP " + std::string(name) + " " + std::string(help) + "\n";
  out += "# TYPE " + std::string(name) + " " + std::string(type) + "\n";
}

void line(std::string& out, std::string_view name, const hub::Hub& hub, const std::string& more_labels,
          std::uint64_t value) {
  out += std::string(name) + "{hub=\"" + label_value(hub.host_name()) + "\"" + more_labels + "} " +
         std::to_string(value) + "\n";
}

struct Metric {
  std::string_view name, type, help;
  std::uint64_t (*value)(hub::Hub&);
};

constexpr Metric kMetrics[] = {
    {"iothub_telemetry_bytes_total", "counter", "Bytes of telemetry bodies.",
     [](hub::Hub& hub) { return hub.metrics().telemetry_bytes; }},
    {"iothub_c2d_bytes_total", "counter", "Bytes of bodies of cloud-to-device messages.",
     [](hub::Hub& hub) { return hub.metrics().c2d_bytes; }},
    {"iothub_http_request_bytes_total", "counter", "Bytes of HTTP request bodies.",
     [](hub::Hub& hub) { return hub.metrics().http_bytes_in; }},
    {"iothub_http_response_bytes_total", "counter", "Bytes of HTTP response bodies.",
     [](hub::Hub& hub) { return hub.metrics().http_bytes_out; }},
    {"iothub_connected", "gauge", "Devices and modules that are connected.",
     [](hub::Hub& hub) { return std::uint64_t{hub.links().connected_count()}; }},
    {"iothub_methods_waiting", "gauge", "Direct methods that wait for their device.",
     [](hub::Hub& hub) { return std::uint64_t{hub.methods().waiting()}; }},
};

}  // namespace

std::string metrics_text(const hub::HubDirectory& hubs, std::size_t resident_bytes) {
  std::string out;
  head(out, "iothub_events_total", "counter", "What happened in the hub, by its name in /_emulator/events.");
  for (hub::Hub* hub : hubs.all()) {
    for (std::size_t i = 0; i < hub::kHappenings; ++i) {
      const auto what = static_cast<hub::Happening>(i);
      line(out, "iothub_events_total", *hub, ",event=\"" + std::string(hub::name_of(what)) + "\"",
           hub->observers().count(what));
    }
  }
  head(out, "iothub_http_responses_total", "counter", "Answers of the service and device APIs over HTTP.");
  for (hub::Hub* hub : hubs.all()) {
    for (const auto& [status, count] : hub->metrics().http_answers) {
      line(out, "iothub_http_responses_total", *hub, ",status=\"" + std::to_string(status) + "\"", count);
    }
  }
  for (const Metric& metric : kMetrics) {
    head(out, metric.name, metric.type, metric.help);
    for (hub::Hub* hub : hubs.all()) line(out, metric.name, *hub, {}, metric.value(*hub));
  }
  head(out, "iothub_hubs", "gauge", "Hubs in this process.");
  out += "iothub_hubs " + std::to_string(hubs.all().size()) + "\n";
  head(out, "process_resident_memory_bytes", "gauge", "Memory of the process that is in RAM.");
  out += "process_resident_memory_bytes " + std::to_string(resident_bytes) + "\n";
  return out;
}

}  // namespace iothub::heads::control
