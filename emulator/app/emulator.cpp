#include "emulator/app/emulator.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <system_error>
#include <utility>

#include "emulator/app/data_folder.h"
#include "emulator/app/device_ca_folder.h"
#include "emulator/app/route_endpoints.h"
#include "emulator/app/seed_files.h"
#include "emulator/hub/consumer_groups.h"
#include "emulator/hub/limits.h"
#include "emulator/hub/settings.h"

namespace iothub::app {
namespace {

/// Under load the WAL grows by about 10 MB a second; commit() itself bounds it at 64 MiB.
constexpr std::chrono::milliseconds kWalCheckInterval{500};

bool is_loopback_only(const std::string& listen_address) {
  const auto addresses = net::listen_addresses(listen_address);
  return std::all_of(addresses.begin(), addresses.end(), [](const auto& address) { return address.is_loopback(); });
}

std::unique_ptr<storage::SqliteStore> open_store(const Config& config) {
  const storage::SqliteStore::Options options{.partitions = config.partitions};
  if (config.in_memory) return storage::SqliteStore::in_memory(options);
  make_private_folder(config.data_folder);
  return storage::SqliteStore::open(database_file(config.data_folder), options);
}

std::vector<std::string> read_device_cas(const Config& config) {
  std::vector<std::string> texts;
  for (const auto& file : config.device_ca_files) texts.push_back(read_device_ca(file));
  if (config.in_memory) return texts;
  for (const auto& file : device_ca_files(config.data_folder)) texts.push_back(read_device_ca(file));
  return texts;
}

hub::HubOptions hub_options(const Config& config, std::vector<std::string> names,
                            hub::Settings::OpenEndpoint open_endpoint) {
  hub::HubOptions options;
  options.host_names = std::move(names);
  options.auth.connect_grace_seconds = config.sas_grace_seconds.value_or(hub::kSasConnectGraceSeconds);
  options.auth.live_grace_seconds = config.sas_grace_seconds.value_or(hub::kSasLiveGraceSeconds);
  options.event_retention = std::chrono::days(config.retention_days);
  if (config.retention_megabytes) options.event_retention_bytes = *config.retention_megabytes * 1'000'000;
  options.auth.device_cas = read_device_cas(config);
  options.open_endpoint = std::move(open_endpoint);
  options.lenient = config.lenient;
  options.fault_injection = config.fault_injection;
  return options;
}

std::string text_of(std::exception_ptr failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const std::exception& error) {
    return error.what();
  }
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
          })),
      store_(open_store(config_)),
      hub_(hub_options(config_, names_,
                       [this](const hub::routing::EndpointDescription& endpoint) {
                         return open_endpoint(endpoint, *store_, loop_);
                       }),
           *store_, loop_.wall_clock(), loop_.scheduler(), random_),
      wal_check_(loop_.scheduler()),
      worker_(loop_) {
  configure_events();
  if (!config_.seed_files.empty()) {
    const seed::Report report = apply_seeds(hub_, parse_seeds(read_seed_texts(config_.seed_files)));
    spdlog::info("the seeds changed {} things", report.changes.size());
  }
  hubs_.add(hub_);
  if (!is_loopback_only(config_.listen_address)) {
    spdlog::warn(
        "LISTENING ON {}, NOT ONLY ON THIS MACHINE'S LOOPBACK: the keys of this hub are published, so whoever reaches "
        "the ports can read and change all of it",
        config_.listen_address);
  }
  running_ = {ports_, authority_.certificate_file().string(),
              policy_strings(hub_.host_name(), ports_.https, hub_.auth().policies()),
              event_hub_string(hub_.host_name(), ports_.amqp, hub_.short_name(), hub_.auth().policies().front())};
  publish_run_file();
}

void Emulator::configure_events() {
  for (const std::string& name : config_.consumer_groups) {
    const hub::Result<void> added = hub_.events().consumer_groups().add(name);
    if (!added) throw ConfigError("--consumer-group: " + added.error().reason);
  }
  if (!hub_.commit()) throw storage::Error("the consumer groups cannot be stored");
  std::string groups;
  for (const std::string& name : hub_.events().consumer_groups().list()) groups += " " + name;
  spdlog::info("consumer groups:{}", groups);
  if (config_.routes_file.empty()) return;
  hub::routing::Routes routes = read_routes(config_.routes_file);
  hub::routing::RouteEndpoints endpoints = open_endpoints(routes, *store_, loop_);
  hub_.routing().configure(std::move(routes), std::move(endpoints));
}

std::uint16_t Emulator::listen(std::uint16_t port, net::PlainText plain) {
  return server_.listen({.address = config_.listen_address, .port = port, .plain = plain});
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
  if (!config_.in_memory) {
    checkpointer_ = std::make_unique<storage::Checkpointer>(database_file(config_.data_folder));
    watch_wal();
  }
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
      [this, leaf](std::exception_ptr failure) {
        if (failure) return spdlog::error("no RSA certificate could be made: {}", text_of(failure));
        tls_.add_leaf(*leaf);
        spdlog::debug("clients without ECDSA are served too");
      });
}

void Emulator::watch_wal() {
  wal_check_.set(kWalCheckInterval, [this] {
    if (!checkpointing_ && store_->take_checkpoint_due()) {
      checkpointing_ = true;
      worker_.post([this] { checkpointer_->run(); },
                   [this](std::exception_ptr failure) {
                     checkpointing_ = false;
                     if (failure) spdlog::error("the WAL could not be checkpointed: {}", text_of(failure));
                   });
    }
    watch_wal();
  });
}

}  // namespace iothub::app
