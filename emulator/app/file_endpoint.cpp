#include "emulator/app/file_endpoint.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <span>
#include <system_error>

#include "emulator/hub/json.h"
#include "emulator/hub/routing/route_message.h"
#include "protocol/text/base64.h"
#include "protocol/text/timestamp.h"
#include "storage/store.h"

namespace iothub::app {
namespace {

hub::Json system_properties(const storage::EventRow& event) {
  hub::Json out = hub::Json::object();
  const auto add_stored = [&out](const std::string& column) {
    if (column.empty()) return;
    const hub::Json stored = hub::Json::parse(column);
    for (const auto& [name, value] : stored.items()) {
      out[std::string(hub::routing::routing_name(name))] = value;
    }
  };
  add_stored(event.system_properties);
  out["connectionDeviceId"] = event.device_id;
  if (!event.module_id.empty()) out["connectionModuleId"] = event.module_id;
  if (!event.auth_method.empty()) out["connectionAuthMethod"] = event.auth_method;
  if (!event.auth_generation_id.empty()) out["connectionDeviceGenerationId"] = event.auth_generation_id;
  add_stored(event.annotations);
  out["enqueuedTime"] = text::iso_time({event.enqueued_time});
  return out;
}

}  // namespace

std::string stored_message(const storage::EventRow& event) {
  hub::Json message;
  message["EnqueuedTimeUtc"] = text::iso_time({event.enqueued_time});
  hub::Json properties = hub::Json::object();
  if (!event.properties.empty()) {
    for (const hub::Json& pair : hub::Json::parse(event.properties)) properties[pair[0].get<std::string>()] = pair[1];
  }
  message["Properties"] = std::move(properties);
  message["SystemProperties"] = system_properties(event);
  const hub::routing::RouteMessage routed(event, nullptr);
  if (const hub::Json* body = routed.body()) {
    message["Body"] = *body;
  } else {
    message["Body"] = text::base64_encode(std::as_bytes(std::span(event.body)));
  }
  return hub::dump(message);
}

FileEndpoint::FileEndpoint(const std::filesystem::path& path)
    : path_(path), file_(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600)) {
  if (file_ < 0) throw std::system_error(errno, std::generic_category(), path_.string());
}

FileEndpoint::~FileEndpoint() {
  ::close(file_);
}

void FileEndpoint::send(const storage::EventRow& event) {
  const std::string line = stored_message(event) + "\n";
  for (std::size_t written = 0; written < line.size();) {
    const ssize_t count = ::write(file_, line.data() + written, line.size() - written);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw storage::Error(path_.string() + ": " + std::generic_category().message(errno));
    written += static_cast<std::size_t>(count);
  }
}

}  // namespace iothub::app
