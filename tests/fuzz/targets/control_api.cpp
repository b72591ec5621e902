// Requests of the control API, between those of a device and the service: each gets one whole answer or a stream of
// whole events, none of them a fault of the hub, and what is refused has changed nothing.
#include <map>
#include <set>
#include <vector>

#include "emulator/heads/control/control.h"
#include "emulator/heads/rest/rest_session.h"
#include "emulator/heads/wire.h"
#include "emulator/hub/fault_rules.h"
#include "emulator/hub/routing/routing.h"
#include "emulator/hub/sas_token.h"
#include "emulator/hub/virtual_time.h"
#include "emulator/seed/seed.h"
#include "emulator/simulate/device_template.h"
#include "protocol/http/url.h"
#include "tests/fuzz/support/fuzz_world.h"
#include "tests/fuzz/support/http_answer.h"
#include "tests/fuzz/support/input.h"
#include "tests/fuzz/support/require.h"
#include "tests/fuzz/targets.h"
#include "tests/unit/support/fake_outbox.h"

namespace iothub::fuzz {
namespace {

using hub::Json;

constexpr std::string_view kMethods[] = {"GET", "PUT", "PATCH", "POST", "DELETE", "HEAD"};
constexpr std::chrono::minutes kLongestWait{10};  // of `messages`

class NoConnections final : public heads::OpenConnections {
 public:
  std::vector<heads::OpenConnection> all() const override {
    return {{.id = "c7", .protocol = "mqtt", .address = "127.0.0.1:50007"}};
  }
  std::unique_ptr<heads::WireLook> look(std::string_view, Looker) override { return nullptr; }
  Opened on_opened(std::function<void(const std::string& id)> told) override { return openings_.add(std::move(told)); }

 private:
  Openings openings_;
};

/// The program around the hub, as far as it needs no files and no sockets: seeds and resets are the real ones.
class Program final : public heads::control::Actions {
 public:
  Program(hub::VirtualTime& time, storage::Store& store) : time_(time), store_(store) {}

  std::string version() const override { return "1.0"; }
  std::string ca_pem() const override { return "-----BEGIN CERTIFICATE-----\n"; }
  std::size_t resident_bytes() const override { return 1; }
  Json connection_strings(const hub::Hub& hub) const override { return {{"hub", hub.host_name()}}; }
  std::string device_connection_string(const hub::Hub& hub, const hub::Identity& identity,
                                       const std::string& key) const override {
    return "HostName=" + hub.host_name() + ";DeviceId=" + identity.device.value + ";SharedAccessKey=" + key;
  }
  std::optional<heads::control::PortalFile> portal_file(std::string_view) const override { return std::nullopt; }
  hub::VirtualTime& time(const hub::Hub&) override { return time_; }
  heads::OpenConnections& connections() override { return connections_; }

  hub::Result<void> reset_hub(hub::Hub& hub, hub::ResetLinks links) override {
    hub::reset_hub(hub, store_, links);
    return {};
  }
  hub::Result<void> reset_device(hub::Hub& hub, const hub::DeviceId& device, hub::ResetLinks links) override {
    return hub::reset_device(hub, store_, device, links);
  }
  hub::Result<Json> save_snapshot(hub::Hub& hub, const std::string& name) override {
    hub.commit_now();
    snapshots_.insert(name);
    return Json{{"name", name}, {"hub", hub.host_name()}};
  }
  Json snapshots() const override { return {{"snapshots", snapshots_}}; }
  hub::Result<void> restore_snapshot(hub::Hub&, const std::string& name) override { return known(name); }
  hub::Result<void> remove_snapshot(const std::string& name) override {
    if (snapshots_.erase(name) == 0) return unknown(name);
    return {};
  }

  Json hubs() override { return {{"hubs", Json::array()}}; }
  hub::Result<Json> add_hub(const std::string& name, const std::string& snapshot) override {
    if (!snapshot.empty() && !snapshots_.contains(snapshot)) return unknown(snapshot);
    return Json{{"hub", name}};
  }
  hub::Result<void> remove_hub(const std::string& name) override { return unknown(name); }

  hub::Result<Json> start_simulation(hub::Hub&, const heads::control::SimulationStart& start) override {
    if (!start.device_template.empty()) {
      const auto parsed = simulate::parse_template(start.device_template, "template");
      if (!parsed) return hub::argument_invalid(parsed.error().text());
    }
    return Json{{"id", 1}};
  }
  Json simulations(const hub::Hub&) override { return {{"simulations", Json::array()}}; }
  hub::Result<void> remove_simulation(const hub::Hub&, std::int64_t id) override { return unknown(std::to_string(id)); }

  hub::Result<Json> apply_seeds(hub::Hub& hub, const std::vector<heads::control::SeedText>& texts) override {
    return changes(texts, [&](std::span<const seed::Seed> seeds) { return seed::apply(hub, seeds); });
  }
  hub::Result<Json> diff_seeds(hub::Hub& hub, const std::vector<heads::control::SeedText>& texts) override {
    return changes(texts, [&](std::span<const seed::Seed> seeds) { return seed::diff(hub, seeds); });
  }
  hub::Result<std::string> export_seed(hub::Hub& hub) override { return hub::dump(seed::export_hub(hub)); }

 private:
  static hub::HubError unknown(const std::string& name) {
    return {hub::ErrorCode::GenericNotFound, "there is no '" + name + "'", {}, {}};
  }
  hub::Result<void> known(const std::string& name) const {
    if (!snapshots_.contains(name)) return unknown(name);
    return {};
  }
  template <typename Use>
  static hub::Result<Json> changes(const std::vector<heads::control::SeedText>& texts, Use use) {
    std::vector<seed::Seed> seeds;
    for (const heads::control::SeedText& each : texts) {
      auto parsed = seed::parse(each.text, each.name);
      if (!parsed) return hub::argument_invalid(parsed.error().text());
      seeds.push_back(std::move(*parsed));
    }
    const auto report = use(std::span<const seed::Seed>(seeds));
    if (!report) return hub::argument_invalid(report.error().text());
    return Json{{"changes", report->changes}};
  }

  hub::VirtualTime& time_;
  storage::Store& store_;
  NoConnections connections_;
  std::set<std::string> snapshots_;
};

/// A hub of its own for each input: the control API commits.
struct World {
  World() {
    for (const hub::Identity& identity : {kD1, kM1}) {
      require(hub.registry().put(identity, {}, hub::IfMatch::none()).has_value(), "the world can be made");
    }
    hub.commit_now();
    hubs.add(hub);
  }
  static hub::HubOptions options(const hub::VirtualTime& time) {
    hub::HubOptions options;
    options.sas_clock = &time.sas_clock();
    return options;
  }
  std::string device_token() {
    const std::string key = hub.registry().find(kD1)->primary_key.value();
    return hub::sign_sas_token("localhost/devices/d1", "", key, wall.now().unix_seconds() + 3600).value();
  }
  /// All that a request could change.
  std::string state() {
    const Json rest{{"frozen", time.is_frozen()},       {"offset", time.offset().count()},
                    {"rules", time.rules_sas_expiry()}, {"faults", hub.fault_rules().all().size()},
                    {"routing", hub.routing().text()},  {"snapshots", program.snapshots()}};
    return hub::dump(seed::export_hub(hub)) + "\n" + hub::dump(rest);
  }
  void advance(std::chrono::seconds step) {
    wall.advance(step.count());
    real.advance(step);
  }

  test::FakeClock wall;
  test::FakeScheduler real;
  test::FakeRandom random;
  hub::VirtualTime time{wall, real};
  std::unique_ptr<storage::SqliteStore> store = storage::SqliteStore::in_memory({});
  hub::Hub hub{options(time), *store, time, time, random};
  hub::HubDirectory hubs;
  Program program{time, *store};
  heads::control::Control control{hubs, real, wall, program, {}};
  heads::SessionEnvironment environment{hubs, real, wall, &control};
};

struct Link {
  explicit Link(const heads::SessionEnvironment& environment)
      : session(environment, heads::Peer{.connection_id = "c1", .remote_address = "127.0.0.1:50000", .certificate = {}},
                outbox) {}
  ~Link() { session.closed("the input ends"); }

  test::FakeOutbox outbox;
  heads::rest::RestSession session;
  std::string streamed{};  ///< after its head
  bool is_stream = false;
};

bool is_bulk(const std::string& target) {
  const auto parsed = http::parse_target("/" + target);
  if (!parsed) return false;
  const std::vector<std::string>& words = parsed->segments;
  return words.size() > 2 && words[1] == "service" && words[2] == "devices" && (words.size() == 3 || words[3].empty());
}

/// `id: 1`, `event: x`, `data: {..}` and an empty line, or a comment.
void require_events(std::string_view stream) {
  std::uint64_t last = 0;
  while (!stream.empty()) {
    const std::size_t end = stream.find("\n\n");
    require(end != std::string_view::npos, "a stream holds whole events");
    const std::string_view event = stream.substr(0, end);
    stream.remove_prefix(end + 2);
    if (event.starts_with(':')) {
      require(event.find('\n') == std::string_view::npos, "a comment is one line: " + std::string(event));
      continue;
    }
    Input lines(event);
    const std::string_view id = lines.line(), name = lines.line(), data = lines.line();
    require(id.starts_with("id: ") && name.starts_with("event: ") && data.starts_with("data: ") && lines.empty(),
            "an event has its three lines: " + std::string(event));
    const std::uint64_t number = std::strtoull(std::string(id.substr(4)).c_str(), nullptr, 10);
    require(number > last || name == "event: gap", "numbers of events grow");
    last = number;
    require(Json::accept(data.substr(6)), "an event's data are JSON: " + std::string(data));
  }
}

/// Lines of: method, flags; target; further header; then the body, with its size before it.
class Client {
 public:
  explicit Client(World& world) : world_(world), device_(world.device_token()) {}

  void ask(Input& input) {
    method_ = kMethods[input.number(1) % std::size(kMethods)];
    const std::size_t flags = input.number(1);
    const bool as_device = (flags & 1) != 0;
    const std::string target = std::string(as_device ? "devices/d1/" : "_emulator/") + std::string(input.line());
    request_ = std::string(method_) + " /" + target;
    if (as_device)
      request_ += (target.find('?') == std::string::npos ? "?" : "&") + std::string("api-version=2021-04-12");
    request_ += " HTTP/1.1\r\nHost: localhost\r\n";
    if (as_device) request_ += "Authorization: " + device_ + "\r\n";
    const std::string_view header = input.line();
    if (!header.empty()) request_ += std::string(header) + "\r\n";
    const std::string_view body = input.sized();
    request_ += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);

    const std::string before = world_.state();
    const Timestamp asked_at = world_.wall.now();
    Link& link = free_link();
    link.session.receive(bytes_of(request_));
    if ((flags & 2) == 0) {  // else the next ones come while it waits
      for (int waits = 0; waits < 8 && link.outbox.bytes.empty() && !link.outbox.closed; ++waits) {
        world_.advance(std::chrono::seconds(100));
      }
    }
    const bool refused = take(link);
    if (!refused || as_device || is_bulk(target) || world_.wall.now() != asked_at) return;
    const std::string after = world_.state();
    require(after == before, "a refused request changed the hub: " + request_ + "\n" + before + "\n" + after);
  }

  /// No answer is owed for ever, and streams are whole.
  void finish() {
    world_.advance(kLongestWait);
    world_.advance(kLongestWait);
    for (const auto& link : links_) {
      take(*link);
      require(!link->waits, "a request is answered in the end: " + request_);
      if (link->is_stream) require_events(link->streamed);
    }
  }

 private:
  struct AskedLink : Link {
    using Link::Link;
    bool waits = false;
    bool to_head = false;
  };

  AskedLink& free_link() {
    if (links_.empty() || links_.back()->waits || links_.back()->is_stream || links_.back()->outbox.closed) {
      links_.push_back(std::make_unique<AskedLink>(world_.environment));
    }
    AskedLink& link = *links_.back();
    link.waits = true;
    link.to_head = method_ == "HEAD";
    return link;
  }

  /// Whether the last answer refuses.
  bool take(Link& any) {
    auto& link = static_cast<AskedLink&>(any);
    const std::string written = link.outbox.take();
    std::string_view rest = written;
    bool refused = false;
    while (!rest.empty() && !link.is_stream) {
      if (link.to_head && link.outbox.closed) {  // of a request that cannot be read, HEAD is not known
        link.waits = false;
        return false;
      }
      if (rest.substr(0, rest.find("\r\n\r\n")).find("text/event-stream") != std::string_view::npos) {
        link.is_stream = true;
        link.waits = false;
        rest.remove_prefix(rest.find("\r\n\r\n") + 4);
        break;
      }
      const auto answer = take_answer(rest, link.to_head);
      require(answer.has_value(), "an answer is whole: " + written);
      require(answer->status < 500 || answer->status == 501 || answer->status == 504,
              "the hub has a fault: " + request_ + "\n" + written);
      if (answer->status == 100) continue;
      refused = answer->status >= 400 && answer->status < 500;
      link.waits = false;
      if (!link.to_head && answer->has("application/json") && !answer->body.empty()) {
        require(Json::accept(answer->body), "an answer of JSON is JSON: " + written);
      }
    }
    if (link.is_stream) link.streamed += rest;
    if (link.outbox.closed) link.waits = false;
    return refused;
  }

  World& world_;
  const std::string device_;
  std::string_view method_;
  std::string request_;
  std::vector<std::unique_ptr<AskedLink>> links_;
};

}  // namespace

void control_api(std::string_view bytes) {
  FuzzWorld quiet;  // refusals are not logged
  Input input(bytes);
  World world;
  Client client(world);
  for (int requests = 0; requests < 10 && !input.empty(); ++requests) client.ask(input);
  client.finish();
}

}  // namespace iothub::fuzz
