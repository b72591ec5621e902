#include "emulator/app/emulator.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <set>
#include <system_error>
#include <utility>

#include "emulator/app/data_folder.h"
#include "emulator/app/process_seeds.h"
#include "emulator/app/route_endpoints.h"
#include "emulator/app/seed_files.h"
#include "emulator/hub/background.h"
#include "emulator/hub/consumer_groups.h"
#include "emulator/net/tls/atomic_file.h"

namespace iothub::app {
namespace {

bool is_loopback_only(const std::string& listen_address) {
  const auto addresses = net::listen_addresses(listen_address);
  return std::all_of(addresses.begin(), addresses.end(), [](const auto& address) { return address.is_loopback(); });
}

}  // namespace

std::string host_for_clients(const std::string& listen_address) {
  const auto addresses = net::listen_addresses(listen_address);
  const bool by_localhost = std::any_of(addresses.begin(), addresses.end(), [](const auto& address) {
    return address.is_unspecified() || address.to_string() == "127.0.0.1" || address.to_string() == "::1";
  });
  return by_localhost ? "localhost" : listen_address;
}

std::vector<std::string> hub_names(const Config& config) {
  std::vector<std::string> names{host_for_clients(config.listen_address)};
  const auto add = [&names](const std::string& name) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  };
  for (const char* name : {"localhost", "127.0.0.1", "::1", "host.docker.internal"}) add(name);
  for (const std::string& name : config.host_names) add(name);
  return names;
}

Emulator::Emulator(Config config, PortFallback fallback)
    : config_(std::move(config)),
      names_(hub_names(config_)),
      authority_(net::tls::CertificateAuthority::load_or_create(config_.ca_folder)),
      tls_(authority_.mint_leaf(names_, net::tls::KeyType::ec_p256)),
      loop_(hubs_),
      server_(loop_, hubs_, tls_),
      ports_(bind_ports(
          config_.ports, fallback,
          [this](std::uint16_t port) {
            return listen(port, config_.allow_plain ? net::PlainText::every_protocol : net::PlainText::none);
          },
          [this](std::uint16_t port) {
            return listen(port, config_.allow_plain ? net::PlainText::every_protocol : net::PlainText::amqp);
          },
          [this](std::uint16_t port) { return listen(port, net::PlainText::portal); })),
      instance_(config_, names_, config_.in_memory ? std::nullopt : std::optional(database_file(config_.data_folder)),
                loop_, random_),
      hub_set_({config_, hubs_, loop_, server_, tls_, authority_, random_,
                [this](const std::string& address) { listen_on(address); },
                [this](HubInstance& instance) { equip(instance); }},
               instance_),
      simulations_(loop_),
      actions_(config_, ports_, authority_, server_, hub_set_, simulations_, [this] { describe_anew(); }),
      control_(hubs_, loop_.scheduler(), loop_.wall_clock(), actions_, {config_.control_token}),
      worker_(loop_) {
  hubs_.add(instance_.hub());
  try {
    equip(instance_);
    begin();
  } catch (...) {
    server_.stop();  // before the hubs go that it would commit
    throw;
  }
  server_.environment().control = &control_;
  if (!is_loopback_only(config_.listen_address)) {
    spdlog::warn(
        "LISTENING ON {}, NOT ONLY ON THIS MACHINE'S LOOPBACK: the keys of this hub are published, so whoever reaches "
        "the ports can read and change all of it",
        config_.listen_address);
  }
  running_ = described();
  publish_run_file();
}

void Emulator::equip(HubInstance& instance) {
  instance.open_blobs(config_, ports_.https, worker_, remote_blobs_);
}

/// What the command line and its seeds say that the hubs shall have.
void Emulator::begin() {
  SortedSeeds seeds = sorted(parse_seeds(read_seed_texts(config_.seed_files)));
  instance_.begin({.consumer_groups = config_.consumer_groups,
                   .routing = config_.routes_file.empty() ? std::string() : read_routes(config_.routes_file).text,
                   .seeds = std::move(seeds.own)});
  std::string groups;
  for (const std::string& name : instance_.hub().events().consumer_groups().list()) groups += " " + name;
  spdlog::info("consumer groups:{}", groups);

  for (const std::string& name : config_.hubs) {
    const hub::Result<HubInstance*> added = hub_set_.add(name);
    if (!added) throw ConfigError("--hub: " + added.error().message);
  }
  for (SortedSeeds::OfHub& each : seeds.further) {
    HubInstance* further = hub_set_.find(each.name);
    if (further == nullptr) {
      const hub::Result<HubInstance*> added = hub_set_.add(each.name);
      each.nowhere.what = added ? std::string() : added.error().message;
      if (!added) throw SeedError(each.nowhere.text());
      further = *added;
    } else if (further == &instance_) {
      each.nowhere.what = "'" + each.name + "' is the default hub: what it shall have stands outside of 'hubs'";
      throw SeedError(each.nowhere.text());
    }
    further->begin({.seeds = std::move(each.seeds)});
  }
}

RunningHub Emulator::described() const {
  const hub::Hub& hub = instance_.hub();
  return {ports_, authority_.certificate_file().string(),
          policy_strings(hub.host_name(), ports_.https, hub.auth().policies()),
          event_hub_string(hub.host_name(), ports_.amqp, hub.short_name(), hub.auth().policies().front())};
}

void Emulator::describe_anew() {
  RunningHub now = described();
  if (now == running_) return;
  running_ = std::move(now);
  try {
    if (run_file_) run_file_->replace(running_);
    std::error_code unreadable;
    if (!config_.ready_file.empty() && std::filesystem::exists(config_.ready_file, unreadable)) {
      net::tls::write_file_atomically(config_.ready_file, to_json(running_).dump() + "\n", 0644);
    }
  } catch (const std::system_error& error) {
    spdlog::warn("the hub's policies have changed, but its files still name the old ones: {}", error.what());
  }
}

std::uint16_t Emulator::listen(std::uint16_t port, net::PlainText plain) {
  return server_.listen({.address = config_.listen_address, .port = port, .plain = plain});
}

/// The same ports, for a hub of that address.
void Emulator::listen_on(const std::string& address) {
  const auto wide = net::listen_addresses(config_.listen_address).front();
  if (wide.is_unspecified()) return;  // listened on already
  const net::PlainText plain = config_.allow_plain ? net::PlainText::every_protocol : net::PlainText::none;
  for (const std::uint16_t port : std::set{ports_.https, ports_.mqtts, ports_.amqps}) {
    server_.listen({.address = address, .port = port, .plain = plain});
  }
  server_.listen({.address = address,
                  .port = ports_.amqp,
                  .plain = config_.allow_plain ? net::PlainText::every_protocol : net::PlainText::amqp});
  server_.listen({.address = address, .port = ports_.portal, .plain = net::PlainText::portal});
}

Emulator::~Emulator() {
  server_.stop();
}

void Emulator::publish_run_file() {
  const std::filesystem::path& folder = config_.data_folder;
  // A hub works without: only the other commands do not find it then.
  try {
    make_private_folder(folder);
    run_file_ = RunFile::publish(folder, running_);
    if (!run_file_) {
      spdlog::info("another hub has its run file in {}: `env` and `health` will find that one, not this",
                   folder.string());
    }
  } catch (const std::system_error& error) {
    spdlog::warn("no run file, so `env` and `health` will not find this hub: {}", error.what());
  }
}

void Emulator::run() {
  make_rsa_leaf();
  instance_.watch_wal(worker_);
  loop_.run();
  run_file_.reset();
  server_.stop();
}

void Emulator::make_rsa_leaf() {
  // For the clients that take no ECDSA certificate. An RSA key may need a second, so the hub does not wait for it.
  auto leaf = std::make_shared<net::tls::Leaf>();
  worker_.post(
      [this, leaf] {
        *leaf = authority_.mint_leaf(names_, net::tls::KeyType::rsa_2048, std::chrono::system_clock::now(),
                                     worker_.stopping());
      },
      [this, leaf](const std::exception_ptr& failure) {
        if (failure) return spdlog::error("no RSA certificate could be made: {}", hub::text_of(failure));
        tls_.add_leaf(*leaf);
        spdlog::debug("clients without ECDSA are served too");
      });
}

}  // namespace iothub::app
