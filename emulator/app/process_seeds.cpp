#include "emulator/app/process_seeds.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <utility>

namespace iothub::app {
namespace {

void add(seed::Report& all, const std::string& hub, const seed::Report& report) {
  for (const std::string& change : report.changes) all.changes.push_back("hub " + hub + ": " + change);
}

/// Hubs that were made for seeds: they go again unless all went well.
class NewHubs {
 public:
  explicit NewHubs(HubSet& hubs) : hubs_(hubs) {}
  NewHubs(const NewHubs&) = delete;
  NewHubs& operator=(const NewHubs&) = delete;
  ~NewHubs() {
    for (const std::string& name : names_) static_cast<void>(hubs_.remove(name));
  }
  void add(const std::string& name) { names_.push_back(name); }
  bool has(const std::string& name) const { return std::find(names_.begin(), names_.end(), name) != names_.end(); }
  void keep() { names_.clear(); }

 private:
  HubSet& hubs_;
  std::vector<std::string> names_;
};

}  // namespace

SortedSeeds sorted(std::vector<seed::Seed> seeds) {
  SortedSeeds sorted;
  for (seed::Seed& each : seeds) {
    for (seed::SeededHub& hub : seed::take_hubs(each)) {
      const auto is_it = [&hub](const SortedSeeds::OfHub& of_hub) { return of_hub.name == hub.name; };
      auto known = std::find_if(sorted.further.begin(), sorted.further.end(), is_it);
      if (known == sorted.further.end()) {
        sorted.further.push_back({hub.name, std::move(hub.nowhere), {}});
        known = std::prev(sorted.further.end());
      }
      known->seeds.push_back(std::move(hub.seed));
    }
    sorted.own.push_back(std::move(each));
  }
  return sorted;
}

seed::Result<seed::Report> diff(HubSet& hubs, HubInstance& own, const SortedSeeds& seeds) {
  seed::Result<seed::Report> report = seed::diff(own.hub(), seeds.own);
  if (!report) return report;
  for (const SortedSeeds::OfHub& each : seeds.further) {
    HubInstance* there = hubs.find(each.name);
    std::unique_ptr<HubInstance> silent;
    if (there == nullptr) {
      if (const auto usable = hubs.check_new_name(each.name); !usable) {
        seed::LocatedError wrong = each.nowhere;
        wrong.what = usable.error().message;
        return wrong;
      }
      silent = hubs.silent_hub(each.name);
      there = silent.get();
      report->changes.push_back("hub " + each.name + ": created");
    }
    seed::Result<seed::Report> compared = seed::diff(there->hub(), each.seeds);
    if (!compared) return compared;
    add(*report, each.name, *compared);
  }
  return report;
}

seed::Result<seed::Report> apply(HubSet& hubs, HubInstance& own, SortedSeeds seeds) {
  // Where several hubs change, all of them are tried first.
  if (!seeds.further.empty()) {
    if (seed::Result<seed::Report> rehearsed = diff(hubs, own, seeds); !rehearsed) return rehearsed;
  }
  NewHubs made(hubs);
  std::vector<HubInstance*> further;
  for (const SortedSeeds::OfHub& each : seeds.further) {
    HubInstance* there = hubs.find(each.name);
    if (there == nullptr) {
      const hub::Result<HubInstance*> added = hubs.add(each.name);
      if (!added) {
        seed::LocatedError wrong = each.nowhere;
        wrong.what = added.error().message;
        return wrong;
      }
      made.add(each.name);
      there = *added;
    }
    further.push_back(there);
  }
  seed::Result<seed::Report> report = seed::apply(own.hub(), seeds.own);
  if (!report) return report;
  for (std::size_t i = 0; i < further.size(); ++i) {
    seed::Result<seed::Report> applied = seed::apply(further[i]->hub(), seeds.further[i].seeds);
    if (!applied) return applied;
    const std::string& name = seeds.further[i].name;
    if (made.has(name)) {
      report->changes.push_back("hub " + name + ": created");
      further[i]->declare({.seeds = std::move(seeds.further[i].seeds)});
    }
    add(*report, name, *applied);
    further[i]->hub().commit_now();
  }
  own.hub().commit_now();
  made.keep();
  return report;
}

}  // namespace iothub::app
