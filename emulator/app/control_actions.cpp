#include "emulator/app/control_actions.h"

#include <unistd.h>

#include <fstream>
#include <utility>

#include "emulator/app/connection_string.h"
#include "emulator/app/emulator.h"
#include "emulator/app/portal_page.h"
#include "emulator/app/process_seeds.h"
#include "emulator/hub/hub.h"
#include "emulator/hub/observer.h"
#include "emulator/seed/seed.h"

namespace iothub::app {
namespace {

hub::HubError bad_name(const std::string& name) {
  return hub::argument_invalid("'" + name +
                               "' is no snapshot's name: 1 to 64 letters, digits, '-', '_' and '.', not first");
}

hub::HubError no_snapshot(const std::string& name) {
  return {hub::ErrorCode::GenericNotFound, "there is no snapshot '" + name + "'", {}, {}};
}

seed::Result<std::vector<seed::Seed>> parsed(const std::vector<heads::control::SeedText>& texts) {
  std::vector<seed::Seed> seeds;
  for (const heads::control::SeedText& each : texts) {
    seed::Result<seed::Seed> parsed = seed::parse(each.text, each.name);
    if (!parsed) return parsed.error();
    seeds.push_back(std::move(*parsed));
  }
  return seeds;
}

}  // namespace

ControlActions::ControlActions(const Config& config, const Ports& ports,
                               const net::tls::CertificateAuthority& authority, net::Server& server, HubSet& hubs,
                               Simulations& simulations, std::function<void()> content_changed)
    : config_(config),
      ports_(ports),
      authority_(authority),
      server_(server),
      snapshots_(config.in_memory ? std::nullopt : std::optional(config.data_folder / "snapshots")),
      hubs_(hubs),
      simulations_(simulations),
      content_changed_(std::move(content_changed)) {}

hub::VirtualTime& ControlActions::time(const hub::Hub& hub) {
  return hubs_.of(hub).time();
}

// ---- the whole content ----------------------------------------------------------------------------------------------

hub::Result<void> ControlActions::reset_hub(hub::Hub& hub, hub::ResetLinks links) {
  simulations_.stop_all(hub);  // their devices go
  hub::Result<void> reset = hubs_.of(hub).reset(links);
  // Readers of events stand at places that are no more.
  if (links == hub::ResetLinks::drop) server_.drop_connections(hub, "the control API reset the hub");
  content_changed_();
  return reset;
}

hub::Result<void> ControlActions::reset_device(hub::Hub& hub, const hub::DeviceId& device, hub::ResetLinks links) {
  return hub::reset_device(hub, hubs_.of(hub).store(), device, links);
}

hub::Result<hub::Json> ControlActions::save_snapshot(hub::Hub& hub, const std::string& name) {
  if (!Snapshots::is_name(name)) return bad_name(name);
  hub.links().flush_activity();
  hub.commit_now();
  snapshots_.save(hubs_.of(hub).store(), name);
  return hub::Json{{"name", name}, {"hub", hub.host_name()}};
}

hub::Json ControlActions::snapshots() const {
  return {{"snapshots", snapshots_.list()}};
}

hub::Result<void> ControlActions::restore_snapshot(hub::Hub& hub, const std::string& name) {
  if (!Snapshots::is_name(name)) return bad_name(name);
  if (!snapshots_.exists(name)) return no_snapshot(name);
  hub.links().close_all();
  server_.drop_connections(hub, "the control API restored a snapshot");
  hub.commit_now();
  snapshots_.load(hubs_.of(hub).store(), name);
  hub.store_replaced();
  hub.observers().tell(hub::Happening::restored, {}, [&] { return hub::detail_text({{"snapshot", name}}); });
  content_changed_();
  return {};
}

hub::Result<void> ControlActions::remove_snapshot(const std::string& name) {
  if (!Snapshots::is_name(name)) return bad_name(name);
  if (!snapshots_.remove(name)) return no_snapshot(name);
  return {};
}

// ---- more hubs ------------------------------------------------------------------------------------------------------

hub::Json ControlActions::hubs() {
  hub::Json list = hub::Json::array();
  for (HubInstance* each : hubs_.all()) {
    hub::Json& hub = list.emplace_back();
    hub["name"] = each->hub().host_name();
    hub["default"] = list.size() == 1;
    hub["inMemory"] = each->in_memory();
    hub["connected"] = each->hub().links().connected_count();
  }
  return {{"hubs", list}};
}

hub::Result<hub::Json> ControlActions::add_hub(const std::string& name, const std::string& snapshot) {
  if (!snapshot.empty() && !Snapshots::is_name(snapshot)) return bad_name(snapshot);
  if (!snapshot.empty() && !snapshots_.exists(snapshot)) return no_snapshot(snapshot);
  const hub::Result<HubInstance*> added = hubs_.add(name);
  if (!added) return added.error();
  HubInstance& instance = **added;
  if (!snapshot.empty()) {
    snapshots_.load(instance.store(), snapshot);
    instance.hub().store_replaced();
  }
  return connection_strings(instance.hub());
}

hub::Result<void> ControlActions::remove_hub(const std::string& name) {
  if (const HubInstance* instance = hubs_.find(name)) simulations_.stop_all(instance->hub());
  return hubs_.remove(name);
}

// ---- simulated devices ----------------------------------------------------------------------------------------------

hub::Result<hub::Json> ControlActions::start_simulation(hub::Hub& hub, const heads::control::SimulationStart& asked) {
  Simulations::Start start{asked.prefix, asked.devices, asked.rate, asked.duration};
  if (!asked.device_template.empty()) {
    seed::Result<simulate::DeviceTemplate> does = simulate::parse_template(asked.device_template, "template");
    if (!does) return hub::argument_invalid(does.error().text());
    start.does = std::move(*does);
  }
  // A hub of an address listens there; any other is reached where the first one is, by the name it is given.
  const std::string& name = hub.host_name();
  const std::string address = name.starts_with("127.") ? name : host_for_clients(config_.listen_address);
  return simulations_.start(hub, {address, ports_.mqtts, authority_.certificate_file()}, std::move(start));
}

// ---- facts ----------------------------------------------------------------------------------------------------------

std::string ControlActions::version() const {
  return IOTHUB_VERSION;
}

std::string ControlActions::ca_pem() const {
  return authority_.certificate_pem();
}

std::optional<heads::control::PortalFile> ControlActions::portal_file(std::string_view name) const {
  if (config_.no_portal) return std::nullopt;
  return app::portal_file(config_.portal_folder, name);
}

/// Linux: /proc/self/statm, second field, in pages. 0 where there is none.
std::size_t ControlActions::resident_bytes() const {
  std::ifstream statm("/proc/self/statm");
  std::size_t all = 0;
  std::size_t resident = 0;
  if (!(statm >> all >> resident)) return 0;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

hub::Json ControlActions::connection_strings(const hub::Hub& hub) const {
  hub::Json strings;
  strings["hub"] = hub.host_name();
  strings["policies"] = connection_strings_json(policy_strings(hub.host_name(), ports_.https, hub.auth().policies()));
  strings["eventHub"] = event_hub_string(hub.host_name(), ports_.amqp, hub.short_name(), hub.auth().policies().front());
  strings["ports"] = ports_json(ports_);
  return strings;
}

std::string ControlActions::device_connection_string(const hub::Hub& hub, const hub::Identity& identity,
                                                     const std::string& key) const {
  return app::device_connection_string(hub.host_name(), identity, key);
}

hub::Result<hub::Json> ControlActions::apply_seeds(hub::Hub& hub, const std::vector<heads::control::SeedText>& texts) {
  seed::Result<std::vector<seed::Seed>> seeds = parsed(texts);
  if (!seeds) return hub::argument_invalid(seeds.error().text());
  const seed::Result<seed::Report> report = apply(hubs_, hubs_.of(hub), sorted(std::move(*seeds)));
  if (!report) return hub::argument_invalid(report.error().text());
  content_changed_();
  return hub::Json{{"changes", report->changes}};
}

hub::Result<hub::Json> ControlActions::diff_seeds(hub::Hub& hub, const std::vector<heads::control::SeedText>& texts) {
  seed::Result<std::vector<seed::Seed>> seeds = parsed(texts);
  if (!seeds) return hub::argument_invalid(seeds.error().text());
  const seed::Result<seed::Report> report = diff(hubs_, hubs_.of(hub), sorted(std::move(*seeds)));
  if (!report) return hub::argument_invalid(report.error().text());
  return hub::Json{{"changes", report->changes}};
}

hub::Result<std::string> ControlActions::export_seed(hub::Hub& hub) {
  return seed::export_hub(hub).dump(2) + "\n";
}

}  // namespace iothub::app
