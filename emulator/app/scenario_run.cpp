#include "emulator/app/scenario_run.h"

#include <spdlog/spdlog.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstring>
#include <future>
#include <map>
#include <optional>
#include <utility>

#include "emulator/app/child_process.h"
#include "emulator/app/client_environment.h"
#include "emulator/app/connection_string.h"
#include "emulator/app/device_token.h"
#include "emulator/app/run_file.h"
#include "emulator/app/scenario_hub.h"
#include "emulator/app/scenario_report.h"
#include "emulator/scenario/matcher.h"
#include "emulator/seed/derived_key.h"
#include "emulator/simulate/virtual_device.h"
#include "protocol/text/percent.h"
#include "protocol/text/timestamp.h"

namespace iothub::app {
namespace {

using hub::Json;
using scenario::Seconds;
using scenario::Step;
using Clock = std::chrono::steady_clock;
using State = simulate::VirtualDevice::State;

constexpr std::string_view kApiVersion = "?api-version=2021-04-12";
constexpr std::chrono::milliseconds kTick{10};
constexpr std::chrono::milliseconds kTwinPoll{50};
/// For what takes no `within`: a connection, an acknowledgement.
constexpr Seconds kPatience{5};
constexpr Seconds kGoodbye{5};
constexpr int kDefaultMethodTimeout = 30;

/// A step's failure: lines for people.
struct Failed {
  std::string text;
};

Clock::duration ticks(Seconds time) {
  return std::chrono::duration_cast<Clock::duration>(time);
}

std::string number(Seconds time) {
  return Json(time.count()).dump();
}

/// The hub of `serve` or `exec` over the data folder. One whose file cannot be read is not worth the run.
std::optional<RunningHub> hub_that_runs(const Config& config) {
  try {
    return find_running_hub(config.data_folder);
  } catch (const std::exception& error) {
    spdlog::warn("{}", error.what());
    return std::nullopt;
  }
}

/// Whose portals a person may look at: the hub that runs, and the scenario's own where it is on ports that somebody
/// knows.
std::vector<ScenarioReport::Listener> listeners(const Config& config, const RunningHub& own, bool on_known_ports) {
  std::vector<ScenarioReport::Listener> all;
  const auto add = [&](const RunningHub& hub) {
    const std::string* owner = hub.connection_string("iothubowner");
    const auto service = owner == nullptr ? std::nullopt : ConnectionString::parse(*owner);
    if (service) all.push_back({HubClient(*service, {hub.ca_file}), config.control_token});
  };
  if (const auto running = hub_that_runs(config)) add(*running);
  if (on_known_ports) add(own);
  return all;
}

/// The program under test.
struct Program {
  pid_t process = 0;
  std::optional<int> status{};
  bool judged = false;  ///< by an `expect` of its status
};

/// What came until a step began.
struct Reached {
  std::size_t messages = 0;
  std::map<std::string, std::map<std::string, std::size_t>> of_devices{};  ///< subject -> device
};

class Run {
 public:
  Run(const scenario::Scenario& scenario, const ScenarioSurroundings& surroundings)
      : scenario_(scenario),
        surroundings_(surroundings),
        hub_(surroundings.config, scenario, !runs_a_program()),
        report_(scenario, listeners(surroundings.config, hub_.running(), runs_a_program())) {
    for (const auto& each : scenario_.devices) {
      simulate::VirtualDeviceOptions options{hub_.host(),
                                             hub_.host(),
                                             hub_.running().ports.mqtts,
                                             hub_.running().ca_file,
                                             each.id,
                                             [this, id = each.id] { return token(id); },
                                             each.reconnect};
      devices_.push_back(std::make_unique<simulate::VirtualDevice>(each.does, std::move(options)));
    }
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;
  ~Run() { end_program(); }

  scenario::Outcome outcome() {
    scenario::Outcome outcome{scenario_.name, scenario_.file, {}, {}};
    const Clock::time_point start = Clock::now();
    bool failed = false;
    const auto perform = [&](const std::string& name, const std::string& where, const auto& action) {
      scenario::StepOutcome step{.name = name};
      const Clock::time_point begin = Clock::now();
      if (!failed) report_.begins(outcome.steps.size(), name);
      try {
        if (!failed) {
          action();
          step.state = scenario::StepOutcome::State::passed;
        }
      } catch (const Failed& failure) {
        step.failure = where + failure.text;
      } catch (const std::exception& error) {
        step.failure = where + error.what();
      }
      if (!step.failure.empty()) {
        step.state = scenario::StepOutcome::State::failed;
        failed = true;
      }
      step.took = Clock::now() - begin;
      report_.ends(outcome.steps.size(), step);
      outcome.steps.push_back(std::move(step));
    };
    const std::string whole = scenario_.file + ": ";
    perform("set up", whole, [this] { set_up(); });
    begun_ = Clock::now();
    for (const Step& step : scenario_.steps) {
      const std::string where = scenario_.file + ":" + std::to_string(step.mark.line) + ":" +
                                std::to_string(step.mark.column) + ": " + step.pointer + " (" + step.name + "): ";
      perform(step.name, where, [this, &step] { perform_step(step); });
    }
    if (program_) perform("the program", whole, [this] { judge_program(); });
    outcome.took = Clock::now() - start;
    report_.ends(outcome);
    return outcome;
  }

 private:
  bool runs_a_program() const { return !surroundings_.config.child_command.empty() || has("run"); }

  bool has(const std::string& action) const {
    return std::any_of(scenario_.steps.begin(), scenario_.steps.end(),
                       [&](const Step& each) { return each.action == action; });
  }

  // ---- time ----

  void work(std::chrono::milliseconds longest = kTick) {
    if (surroundings_.stop) throw Failed{"interrupted"};
    simulate::VirtualDevice::work(devices_, longest);
    report_.work();
    if (!program_ || program_->status) return;
    int status = 0;
    if (::waitpid(program_->process, &status, WNOHANG) == program_->process) program_->status = exit_status_of(status);
  }

  /// Whether it came true in time.
  template <typename Condition>
  bool wait(Seconds longest, const Condition& condition) {
    const Clock::time_point end = Clock::now() + ticks(longest);
    while (!condition()) {
      if (Clock::now() >= end) return false;
      work();
    }
    return true;
  }

  void sleep_until(Clock::time_point time) {
    while (Clock::now() < time) {
      work(std::min(kTick, std::chrono::duration_cast<std::chrono::milliseconds>(time - Clock::now()) +
                               std::chrono::milliseconds(1)));
    }
  }

  /// The answer, while the devices work on: what is asked may need them.
  template <typename Question>
  HubClient::Answer ask(const Question& question) {
    auto answer = std::async(std::launch::async, question);
    while (answer.wait_for(std::chrono::seconds(0)) != std::future_status::ready) work(std::chrono::milliseconds(2));
    return answer.get();
  }

  HubClient::Answer service(const char* method, const std::string& path, const Json& json = nullptr,
                            const char* if_match = nullptr, std::chrono::seconds patience = std::chrono::seconds(5)) {
    const std::string text = json.is_null() ? std::string() : json.dump();
    return ask(
        [&] { return hub_.client().service(method, path + std::string(kApiVersion), text, if_match, patience); });
  }

  Json control(const char* method, const std::string& path, const Json& json = nullptr) {
    const HubClient::Answer answer = ask([&] {
      return hub_.client().control({.method = method,
                                    .path = path,
                                    .body = json.is_null() ? std::string() : json.dump(),
                                    .token = surroundings_.config.control_token});
    });
    if (answer.status >= 300) throw Failed{"the hub answers " + std::to_string(answer.status) + ": " + answer.body};
    return answer.body.empty() ? Json() : Json::parse(answer.body);
  }

  static void require(const HubClient::Answer& answer, int status) {
    if (answer.status == status) return;
    throw Failed{"expected HTTP status " + std::to_string(status) + ", the hub answers " +
                 std::to_string(answer.status) + " " + answer.body};
  }

  // ---- beginning and end ----

  void set_up() {
    hub_.client().check_health();
    for (std::size_t i = 0; i < devices_.size(); ++i) {
      if (scenario_.devices[i].connect) devices_[i]->connect();
    }
    for (std::size_t i = 0; i < devices_.size(); ++i) {
      if (scenario_.devices[i].connect) await_connection(*devices_[i], kPatience);
    }
    if (!surroundings_.config.child_command.empty() && !has("run")) start_program(Json::object());
  }

  std::string token(const std::string& id) const {
    std::string key;
    try {
      key = hub_.client().primary_key({{id}, {}});
    } catch (const HubClientError&) {  // deleted or disabled: the hub shall say so, not we
      key = seed::derived_key(seed::kDefaultKeySeed, "device", id, "primary");
    }
    return device_token(hub_.host(), id, key).value_or(std::string());
  }

  void start_program(const Json& arguments) {
    if (program_ && !program_->status) throw Failed{"the program of an earlier step runs still"};
    std::vector<std::string> command = surroundings_.config.child_command;
    if (arguments.contains("command")) command = arguments["command"].get<std::vector<std::string>>();
    if (command.empty()) throw Failed{"there is no program to run: `scenario run FILE -- COMMAND ARGS...`"};
    Environment environment = surroundings_.environment;
    const TrustFiles trust = write_trust_files(hub_.folder(), hub_.running().ca_file, environment);
    for (auto& [name, value] : client_environment(hub_.running(), trust, surroundings_.environment)) {
      environment[name] = value;
    }
    if (arguments.contains("device")) {
      const hub::Identity identity{{arguments["device"].get<std::string>()}, {}};
      environment["IOTHUB_DEVICE_CONNECTION_STRING"] =
          device_connection_string(hub_.host(), identity, hub_.client().primary_key(identity));
    }
    Program program;
    if (const int error = spawn(command, environment, surroundings_.reset, program.process); error != 0) {
      throw Failed{"cannot run '" + command.front() + "': " + std::strerror(error)};
    }
    program_ = program;
  }

  void judge_program() {
    if (program_->judged || !program_->status || *program_->status == 0) return;
    throw Failed{"the program has ended with exit status " + std::to_string(*program_->status)};
  }

  void end_program() {
    if (!program_ || program_->status) return;
    ::kill(program_->process, SIGTERM);
    const Clock::time_point patience = Clock::now() + ticks(kGoodbye);
    int status = 0;
    while (::waitpid(program_->process, &status, WNOHANG) == 0) {
      if (Clock::now() >= patience) ::kill(program_->process, SIGKILL);
      std::this_thread::sleep_for(kTick);
    }
  }

  // ---- steps ----

  void perform_step(const Step& step) {
    const Clock::time_point now = Clock::now();
    sleep_until(step.at ? begun_ + ticks(*step.at) : now + ticks(step.after));
    const bool is_asked_for = std::any_of(scenario_.steps.begin(), scenario_.steps.end(),
                                          [&](const Step& each) { return each.since == step.name; });
    if (is_asked_for) reached_[step.name] = reached();
    struct Row {
      std::string_view action;
      void (Run::*perform)(const Step&);
    };
    static constexpr Row kRows[] = {
        {"send", &Run::send},
        {"report", &Run::report},
        {"connect", &Run::connect},
        {"answer", &Run::answer},
        {"patch", &Run::patch},
        {"disconnect", &Run::disconnect},
        {"method", &Run::method},
        {"c2d", &Run::c2d},
        {"create", &Run::create},
        {"delete", &Run::remove},
        {"disable", &Run::disable},
        {"enable", &Run::enable},
        {"fault", &Run::fault},
        {"clock", &Run::clock},
        {"run", &Run::run},
        {"expect", &Run::expect},
        {"expect_not", &Run::expect_not},
    };
    for (const Row& row : kRows) {
      if (row.action == step.action) return (this->*row.perform)(step);
    }
    throw std::logic_error("no such action: " + step.action);
  }

  simulate::VirtualDevice& device(const Step& step) {
    const std::string id = step.arguments["device"].get<std::string>();
    return **std::find_if(devices_.begin(), devices_.end(), [&](const auto& each) { return each->id() == id; });
  }

  static std::string path(const char* collection, const Json& arguments) {
    std::string path = std::string(collection) + text::percent_encode(arguments["device"].get<std::string>());
    if (arguments.contains("module"))
      path += "/modules/" + text::percent_encode(arguments["module"].get<std::string>());
    return path;
  }

  static std::string away(const simulate::VirtualDevice& device) {
    return device.id() + " is not connected: " + device.why_away();
  }

  void await_connection(simulate::VirtualDevice& device, Seconds within) {
    wait(within, [&] { return device.state() != State::connecting; });
    if (device.state() == State::connecting) {
      throw Failed{device.id() + " is not connected after " + number(within) + " s"};
    }
    if (device.state() == State::away) throw Failed{away(device)};
  }

  void send(const Step& step) {
    simulate::VirtualDevice& sender = device(step);
    const Json& said = step.arguments;
    simulate::VirtualDevice::Message message{sender.does().body, sender.does().properties, {}, "telemetry"};
    if (said.contains("body")) {
      message.body = said["body"];
      message.place = step.pointer;
    }
    if (said.contains("properties")) message.properties = said["properties"];
    message.system = said.value("system", Json::object());
    const Clock::duration every =
        said.contains("every") ? ticks(scenario::seconds_of(said["every"])) : Clock::duration{};
    std::vector<int> sent;
    for (int count = said.value("count", 1); count > 0; --count) {
      const Clock::time_point next = Clock::now() + every;
      sent.push_back(sender.send(message));
      if (sent.back() == 0) throw Failed{away(sender)};
      if (count > 1) sleep_until(next);
    }
    if (!said.value("acknowledged", true)) return work();
    const auto is_acknowledged = [&](int each) { return sender.acknowledged(each); };
    wait(kPatience,
         [&] { return sender.state() != State::connected || std::all_of(sent.begin(), sent.end(), is_acknowledged); });
    const auto acknowledged = std::count_if(sent.begin(), sent.end(), is_acknowledged);
    if (acknowledged == static_cast<std::ptrdiff_t>(sent.size())) return;
    throw Failed{"expected " + std::to_string(sent.size()) + " acknowledgements, " + std::to_string(acknowledged) +
                 " came in " + number(kPatience) + " s" +
                 (sender.state() == State::connected ? std::string() : "; " + away(sender))};
  }

  void report(const Step& step) {
    simulate::VirtualDevice& reporter = device(step);
    const int request = reporter.report(step.arguments["values"], step.pointer);
    if (request == 0) throw Failed{away(reporter)};
    const int expected = step.arguments.value("status", 204);
    wait(kPatience, [&] { return reporter.report_status(request) || reporter.state() != State::connected; });
    const std::optional<int> status = reporter.report_status(request);
    if (!status) {
      throw Failed{reporter.state() == State::connected ? "no answer to the reported properties" : away(reporter)};
    }
    if (*status != expected) {
      throw Failed{"expected status " + std::to_string(expected) + ", the hub answers the device " +
                   std::to_string(*status)};
    }
  }

  void connect(const Step& step) {
    simulate::VirtualDevice& comer = device(step);
    const bool refused = step.arguments.value("refused", false);
    if (comer.state() == State::connected) throw Failed{comer.id() + " is connected already"};
    comer.connect();
    const Seconds within = within_of(step.arguments, kPatience);
    if (!refused) return await_connection(comer, within);
    wait(within, [&] { return comer.state() != State::connecting; });
    if (comer.state() != State::away) throw Failed{"expected " + comer.id() + " to be refused, it is connected"};
  }

  void disconnect(const Step& step) {
    simulate::VirtualDevice& leaver = device(step);
    leaver.disconnect();
    if (!wait(kPatience, [&] { return leaver.state() == State::away; })) throw Failed{leaver.id() + " cannot leave"};
  }

  void answer(const Step& step) {
    simulate::DeviceTemplate::Method method;
    method.status = step.arguments.value("status", 200);
    method.payload = step.arguments.value("payload", Json::object());
    if (step.arguments.contains("delay")) method.delay = scenario::seconds_of(step.arguments["delay"]);
    device(step).answer(step.arguments["method"].get<std::string>(), std::move(method));
  }

  void patch(const Step& step) {
    Json twin = Json::object();
    if (step.arguments.contains("tags")) twin["tags"] = step.arguments["tags"];
    if (step.arguments.contains("desired")) twin["properties"]["desired"] = step.arguments["desired"];
    require(service("PATCH", path("/twins/", step.arguments), twin), step.arguments.value("status", 200));
  }

  void method(const Step& step) {
    const Json& said = step.arguments;
    const int timeout = said.value("timeout", kDefaultMethodTimeout);
    const int connect_timeout = said.value("connect_timeout", 0);
    Json call{{"methodName", said["name"]},
              {"responseTimeoutInSeconds", timeout},
              {"connectTimeoutInSeconds", connect_timeout},
              {"payload", said.contains("payload") ? said["payload"] : Json()}};
    const HubClient::Answer answer = service("POST", path("/twins/", said) + "/methods", call, nullptr,
                                             std::chrono::seconds(timeout + connect_timeout + 5));
    require(answer, said.value("http", 200));
    if (answer.status != 200) return;
    const Json result = Json::parse(answer.body);
    Json matcher = Json::object();
    if (said.contains("status")) matcher["status"] = said["status"];
    if (said.contains("result")) matcher["payload"] = said["result"];
    const scenario::Expectation expected{"answers", matcher, {}, {}, 1};
    const std::vector<Json> came{result};
    if (scenario::verdict(expected, came) != scenario::Verdict::met) throw Failed{scenario::failure(expected, came)};
  }

  /// Through a seed: the service API sends cloud-to-device messages by AMQP only.
  void c2d(const Step& step) {
    const Json& said = step.arguments;
    Json message{{"deviceId", said["device"]}, {"messageId", "scenario-" + std::to_string(++sent_c2d_)}};
    if (said.contains("module")) message["moduleId"] = said["module"];
    for (const char* name : {"messageId", "correlationId", "ack", "properties", "body"}) {
      if (said.contains(name)) message[name] = said[name];
    }
    if (said.contains("expires")) {
      const auto now = text::parse_iso_time(control("GET", "clock")["time"].get<std::string>());
      if (!now) throw Failed{"the hub's clock has no time"};
      const auto life = std::chrono::duration_cast<std::chrono::milliseconds>(scenario::seconds_of(said["expires"]));
      message["expiryTimeUtc"] =
          text::iso_time(Timestamp::from_unix_milliseconds(now->unix_milliseconds() + life.count()));
    }
    const Json applied = control("POST", "seed", {{"cloudToDeviceMessages", Json::array({message})}});
    if (applied["changes"].empty()) throw Failed{"the same message was sent before: give it another messageId"};
  }

  void create(const Step& step) {
    const std::string id = step.arguments["device"].get<std::string>();
    require(service("PUT", path("/devices/", step.arguments), {{"deviceId", id}}), 200);
  }

  void remove(const Step& step) { require(service("DELETE", path("/devices/", step.arguments), nullptr, "*"), 204); }

  void set_status(const Step& step, const char* status) {
    const HubClient::Answer found = service("GET", path("/devices/", step.arguments));
    require(found, 200);
    Json identity = Json::parse(found.body);
    identity["status"] = status;
    require(service("PUT", path("/devices/", step.arguments), identity, "*"), 200);
  }
  void disable(const Step& step) { set_status(step, "disabled"); }
  void enable(const Step& step) { set_status(step, "enabled"); }

  void fault(const Step& step) {
    const Json& said = step.arguments;
    if (said.contains("add")) {
      const Json rule = control("POST", "faults", said["add"]);
      if (said.contains("as")) faults_[said["as"].get<std::string>()] = rule["id"].dump();
    } else if (said.contains("remove")) {
      control("DELETE", "faults/" + faults_.at(said["remove"].get<std::string>()));
    } else {
      control("DELETE", "faults");
    }
  }

  void clock(const Step& step) {
    const Json& said = step.arguments;
    if (said.contains("freeze")) control("POST", "clock/freeze", Json::object());
    if (said.contains("resume")) control("POST", "clock/resume", Json::object());
    if (said.contains("set")) control("POST", "clock/set", {{"to", said["set"]}});
    if (!said.contains("advance")) return;
    const auto by = std::chrono::duration_cast<std::chrono::milliseconds>(scenario::seconds_of(said["advance"]));
    control("POST", "clock/advance", {{"by", std::to_string(by.count()) + "ms"}});
  }

  void run(const Step& step) { start_program(step.arguments); }

  // ---- expectations ----

  static Seconds within_of(const Json& said, Seconds otherwise) {
    return said.contains("within") ? scenario::seconds_of(said["within"]) : otherwise;
  }

  /// All that came until now; `patience`: for the first new one.
  void fetch_messages(const char* patience = nullptr) {
    for (bool complete = false; !complete;) {
      std::string path = "messages?source=any&limit=1000&since=" + text::percent_encode(cursor_);
      if (patience != nullptr) path += std::string("&count=1&wait=") + patience;
      const Json answer = control("GET", path);
      for (const Json& message : answer["messages"]) {
        messages_.push_back(message);
        messages_.back().erase("bodyBase64");
      }
      cursor_ = answer["next"].get<std::string>();
      complete = answer.value("complete", true) || patience != nullptr;
    }
  }

  const std::vector<Json>& came(const Step& step) {
    if (step.subject == "messages") return messages_;
    const std::string id = step.arguments[step.subject]["device"].get<std::string>();
    return came(**std::find_if(devices_.begin(), devices_.end(), [&](const auto& each) { return each->id() == id; }),
                step.subject);
  }

  static const std::vector<Json>& came(const simulate::VirtualDevice& device, const std::string& subject) {
    if (subject == "c2d") return device.messages();
    return subject == "desired" ? device.desired() : device.calls();
  }

  Reached reached() {
    fetch_messages();
    Reached now{messages_.size()};
    for (const auto& device : devices_) {
      for (const char* subject : {"c2d", "desired", "calls"}) {
        now.of_devices[subject][device->id()] = came(*device, subject).size();
      }
    }
    return now;
  }

  std::size_t first(const Step& step) const {
    if (step.since.empty()) return 0;
    const Reached& begin = reached_.at(step.since);
    if (step.subject == "messages") return begin.messages;
    return begin.of_devices.at(step.subject).at(step.arguments[step.subject]["device"].get<std::string>());
  }

  bool is_list(const Step& step) const { return !step.expectation.things.empty(); }

  void expect(const Step& step) {
    const Seconds within = within_of(step.arguments, scenario::kWithin);
    const Clock::time_point end = Clock::now() + ticks(within);
    if (step.subject == "program") return expect_program(step.arguments["program"], within);
    if (!is_list(step)) {
      for (std::string wrong = state_differs(step); !wrong.empty(); wrong = state_differs(step)) {
        if (Clock::now() >= end) throw Failed{wrong + "\n(waited " + number(within) + " s)"};
        sleep_until(Clock::now() + kTwinPoll);
      }
      return;
    }
    if (step.subject == "messages") fetch_messages();
    for (;;) {
      const std::vector<Json>& all = came(step);
      const std::span<const Json> looked_at(all.begin() + static_cast<std::ptrdiff_t>(first(step)), all.end());
      const scenario::Verdict verdict = scenario::verdict(step.expectation, looked_at);
      if (verdict == scenario::Verdict::met) return;
      if (verdict == scenario::Verdict::impossible || Clock::now() >= end) {
        throw Failed{scenario::failure(step.expectation, looked_at) + "\n(waited " + number(within) + " s)"};
      }
      if (step.subject == "messages") {
        fetch_messages("100ms");
      } else {
        work();
      }
    }
  }

  void expect_not(const Step& step) {
    const Seconds during = scenario::seconds_of(step.arguments["during"]);
    const Clock::time_point end = Clock::now() + ticks(during);
    if (step.subject == "messages") fetch_messages();
    const std::size_t before = is_list(step) ? came(step).size() : 0;
    do {
      if (!is_list(step)) {
        if (state_differs(step).empty()) {
          throw Failed{"expected not, for " + number(during) + " s: " + step.arguments[step.subject].dump()};
        }
        sleep_until(Clock::now() + kTwinPoll);
        continue;
      }
      if (step.subject == "messages") {
        fetch_messages("50ms");
      } else {
        work();
      }
      const std::vector<Json>& all = came(step);
      for (std::size_t i = before; i < all.size(); ++i) {
        if (!scenario::compare(step.expectation.matcher, all[i]).matches()) continue;
        throw Failed{"expected no " + step.expectation.things + " like " + step.expectation.matcher.dump() + " for " +
                     number(during) + " s, there came\n  " + all[i].dump()};
      }
    } while (Clock::now() < end);
  }

  void expect_program(const Json& said, Seconds within) {
    if (!program_) throw Failed{"no program was started"};
    if (!wait(within, [&] { return program_->status.has_value(); })) {
      throw Failed{"expected the program to end, it runs still after " + number(within) + " s"};
    }
    program_->judged = true;
    if (*program_->status == said["status"].get<int>()) return;
    throw Failed{"expected the program's exit status " + said["status"].dump() + ", it is " +
                 std::to_string(*program_->status)};
  }

  /// How a twin or a connection is not as the step says; empty: it is.
  std::string state_differs(const Step& step) {
    const Json& said = step.arguments[step.subject];
    const HubClient::Answer answer = service("GET", path("/twins/", said));
    if (answer.status != 200) return "expected a twin, the hub answers " + std::to_string(answer.status);
    const Json twin = Json::parse(answer.body);
    if (step.subject == "connection") {
      const std::string wanted = said["state"] == "connected" ? "Connected" : "Disconnected";
      if (twin.value("connectionState", std::string()) == wanted) return {};
      return "expected connectionState " + wanted + ", it is " + twin.value("connectionState", std::string("none"));
    }
    const std::string place = said.value("path", std::string());
    const Json::json_pointer pointer(place);
    if (!twin.contains(pointer)) {
      if (said["matches"] == Json{{"$absent", true}}) return {};
      return "expected " + said["matches"].dump() + " at " + place + " of the twin, nothing is there";
    }
    const scenario::Comparison compared = scenario::compare(said["matches"], twin[pointer]);
    if (compared.matches()) return {};
    std::string text = "expected the twin" + (place.empty() ? "" : " at " + place) + " like " + said["matches"].dump() +
                       "\nit is " + twin[pointer].dump() + "\nnearest miss:";
    for (const scenario::Difference& each : compared.differences) {
      text += "\n  " + (place + each.pointer).append(": ") + each.text;
    }
    return text;
  }

  const scenario::Scenario& scenario_;
  const ScenarioSurroundings& surroundings_;
  ScenarioHub hub_;
  ScenarioReport report_;
  std::vector<std::unique_ptr<simulate::VirtualDevice>> devices_;
  std::optional<Program> program_;
  Clock::time_point begun_{};
  std::string cursor_ = "start";
  std::vector<Json> messages_;  ///< all that the hub received
  std::map<std::string, Reached> reached_;
  std::map<std::string, std::string> faults_;  ///< name -> id
  int sent_c2d_ = 0;
};

}  // namespace

scenario::Outcome run_scenario(const scenario::Scenario& scenario, const ScenarioSurroundings& surroundings) {
  return Run(scenario, surroundings).outcome();
}

}  // namespace iothub::app
