#include "emulator/hub/throttle.h"

#include <algorithm>
#include <array>

#include "emulator/hub/json.h"
#include "protocol/text/ascii.h"
#include "storage/store.h"

namespace iothub::hub {
namespace {

constexpr std::int64_t kMinute = 60 * Timestamp::kPerSecond;
constexpr std::size_t kMethodMeterBytes = 4096;
constexpr std::string_view kQuota = "quota";
constexpr std::string_view kMessages = "messages";

struct TierRow {
  Tier tier;
  std::string_view name;
  std::size_t rate;  ///< column of Meter::rates
  int max_units;
  std::int64_t daily_messages;  ///< of one unit
  std::size_t message_bytes;
  bool is_basic;
};
constexpr std::array kTiers{
    TierRow{Tier::f1, "F1", 0, 1, 8'000, 512, false},         TierRow{Tier::b1, "B1", 0, 200, 400'000, 4096, true},
    TierRow{Tier::b2, "B2", 1, 200, 6'000'000, 4096, true},   TierRow{Tier::b3, "B3", 2, 10, 300'000'000, 4096, true},
    TierRow{Tier::s1, "S1", 0, 200, 400'000, 4096, false},    TierRow{Tier::s2, "S2", 1, 200, 6'000'000, 4096, false},
    TierRow{Tier::s3, "S3", 2, 10, 300'000'000, 4096, false},
};
constexpr const TierRow& row_of(Tier tier) {
  return kTiers[static_cast<std::size_t>(tier)];
}

/// Operations a minute.
struct Rate {
  std::int64_t per_unit;
  std::int64_t of_hub;  ///< however few its units are
};
constexpr Rate per_unit(std::int64_t minute) {
  return {minute, 0};
}

/// Free, B1 and S1; B2 and S2; B3 and S3.
using Rates = std::array<Rate, 3>;
constexpr Rates kRegistry{per_unit(100), per_unit(100), per_unit(5000)};
constexpr Rates kConnections{Rate{12 * 60, 100 * 60}, per_unit(120 * 60), per_unit(6000 * 60)};
constexpr Rates kD2cSends = kConnections;
constexpr Rates kC2dSends = kRegistry;
constexpr Rates kC2dReceives{per_unit(1000), per_unit(1000), per_unit(50'000)};
constexpr Rates kFileUploads = kRegistry;
constexpr Rates kMethods{per_unit(160 / 4 * 60), per_unit(480 / 4 * 60), per_unit(24 * 1024 / 4 * 60)};
constexpr Rates kQueries{per_unit(20), per_unit(20), per_unit(1000)};
constexpr Rates kTwinReads{Rate{0, 100 * 60}, Rate{10 * 60, 100 * 60}, per_unit(500 * 60)};
constexpr Rates kTwinWrites{Rate{0, 50 * 60}, Rate{5 * 60, 50 * 60}, per_unit(250 * 60)};
constexpr Rates kJobs = kRegistry;
constexpr Rates kJobDevices{Rate{0, 10 * 60}, Rate{60, 10 * 60}, per_unit(50 * 60)};
constexpr Rates kConfigurations{per_unit(20), per_unit(20), per_unit(20)};

struct Meter {
  Operation operation;
  std::string_view name;  ///< RegistryRead and ConfigurationWrite were seen in the field; the others follow them
  Operation shared;       ///< the first operation that draws on the same rate
  const Rates& rates;
  bool in_basic;
  bool counts_messages;
};
using enum Operation;
constexpr std::array kMeters{
    Meter{registry_read, "RegistryRead", registry_read, kRegistry, true, false},
    Meter{registry_write, "RegistryWrite", registry_read, kRegistry, true, false},
    Meter{connection, "DeviceConnection", connection, kConnections, true, false},
    Meter{d2c_send, "DeviceToCloudSend", d2c_send, kD2cSends, true, true},
    Meter{c2d_send, "CloudToDeviceSend", c2d_send, kC2dSends, false, true},
    Meter{c2d_receive, "CloudToDeviceReceive", c2d_receive, kC2dReceives, false, true},
    Meter{file_upload, "FileUpload", file_upload, kFileUploads, true, true},
    Meter{direct_method, "DirectMethod", direct_method, kMethods, false, true},
    Meter{query, "Query", query, kQueries, true, true},
    Meter{twin_read, "TwinRead", twin_read, kTwinReads, false, true},
    Meter{twin_write, "TwinWrite", twin_write, kTwinWrites, false, true},
    Meter{job_read, "JobRead", job_read, kJobs, false, false},
    Meter{job_write, "JobWrite", job_read, kJobs, false, false},
    Meter{job_device, "JobDevice", job_device, kJobDevices, false, false},
    Meter{configuration_read, "ConfigurationRead", configuration_read, kConfigurations, false, false},
    Meter{configuration_write, "ConfigurationWrite", configuration_read, kConfigurations, false, false},
};
constexpr const Meter& meter_of(Operation operation) {
  return kMeters[static_cast<std::size_t>(operation)];
}

std::int64_t per_minute(const Meter& meter, const HubSize& size) {
  const Rate& rate = meter.rates[row_of(size.tier).rate];
  return std::max(rate.per_unit * size.units, rate.of_hub);
}

std::int64_t daily_messages(const HubSize& size) {
  return row_of(size.tier).daily_messages * size.units;
}

}  // namespace

std::optional<Tier> tier_of(std::string_view name) {
  if (text::equals_ignoring_case(name, "free")) return Tier::f1;
  for (const TierRow& row : kTiers) {
    if (text::equals_ignoring_case(row.name, name)) return row.tier;
  }
  return std::nullopt;
}

std::string_view name_of(Tier tier) {
  return row_of(tier).name;
}

int max_units(Tier tier) {
  return row_of(tier).max_units;
}

Throttle::Throttle(std::optional<HubSize> size, std::string hub_name, storage::Store& store, const Clock& clock)
    : size_(size), hub_name_(std::move(hub_name)), store_(store), clock_(clock) {
  forget();
}

Result<void> Throttle::admit(Operation operation, std::size_t bytes) {
  if (!is_on()) return {};
  const Meter& meter = meter_of(operation);
  if (row_of(size_->tier).is_basic && !meter.in_basic) return not_in_tier(name_of(size_->tier));
  if (meter.counts_messages && today() == day_ && messages_ >= daily_messages(*size_)) {
    return quota_exceeded(hub_name_, daily_messages(*size_), messages_);
  }
  const std::size_t blocks = std::max<std::size_t>(1, (bytes + kMethodMeterBytes - 1) / kMethodMeterBytes);
  const std::int64_t amount = operation == direct_method ? static_cast<std::int64_t>(blocks) : 1;
  if (ticks_until(operation, amount) > 0) return throttled(meter.name);
  take(operation, amount);
  return {};
}

std::chrono::milliseconds Throttle::wait_for(Operation operation) {
  if (!is_on()) return {};
  const std::int64_t ticks = ticks_until(operation, 1);
  if (ticks == 0) take(operation, 1);
  constexpr std::int64_t kTicksPerMillisecond = Timestamp::kPerSecond / 1000;
  return std::chrono::milliseconds{(ticks + kTicksPerMillisecond - 1) / kTicksPerMillisecond};
}

std::int64_t Throttle::ticks_until(Operation operation, std::int64_t amount) {
  const Meter& meter = meter_of(operation);
  const std::int64_t now = clock_.now().ticks;
  std::int64_t& paid_back = paid_back_[static_cast<std::uint8_t>(meter.shared)];
  // A clock that was set back must not hold a loan longer than the minute it can last.
  paid_back = std::clamp(paid_back, now, now + kMinute);
  return std::max<std::int64_t>(0, paid_back + amount * kMinute / per_minute(meter, *size_) - now - kMinute);
}

void Throttle::take(Operation operation, std::int64_t amount) {
  const Meter& meter = meter_of(operation);
  paid_back_[static_cast<std::uint8_t>(meter.shared)] += amount * kMinute / per_minute(meter, *size_);
}

void Throttle::charge(std::size_t bytes) {
  if (!is_on()) return;
  if (const std::int64_t now = today(); now != day_) {
    day_ = now;
    messages_ = 0;
  }
  const std::size_t chunk = row_of(size_->tier).message_bytes;
  messages_ += static_cast<std::int64_t>(std::max<std::size_t>(1, (bytes + chunk - 1) / chunk));
  unsaved_ = true;
}

std::int64_t Throttle::today() const {
  return clock_.now().ticks / (24 * 60 * kMinute);
}

void Throttle::save() {
  if (!unsaved_) return;
  unsaved_ = false;
  store_.put_document(kQuota, kMessages, dump({{"day", day_}, {"messages", messages_}}));
}

void Throttle::forget() {
  unsaved_ = false;
  day_ = messages_ = 0;
  if (!is_on()) return;
  const std::optional<std::string> saved = store_.document(kQuota, kMessages);
  if (!saved) return;
  const Json count = Json::parse(*saved);
  day_ = count.at("day").get<std::int64_t>();
  messages_ = count.at("messages").get<std::int64_t>();
}

}  // namespace iothub::hub
