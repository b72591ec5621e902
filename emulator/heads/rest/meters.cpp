#include "emulator/heads/rest/meters.h"

#include <algorithm>
#include <array>

#include "emulator/heads/rest/operations.h"

namespace iothub::heads::rest {
namespace {

struct Row {
  void (*operation)(Call&);
  Meter meter;
};
using enum hub::Operation;
using enum Meter::Charge;
constexpr std::array kRows{
    Row{list_devices, {registry_read, nothing}},
    Row{get_identity, {registry_read, nothing}},
    Row{list_modules, {registry_read, nothing}},
    Row{registry_statistics, {registry_read, nothing}},
    Row{service_statistics, {registry_read, nothing}},
    Row{put_identity, {registry_write, nothing}},
    Row{delete_identity, {registry_write, nothing}},
    Row{bulk_identities, {registry_write, nothing}},
    Row{regenerate_keys, {registry_write, nothing}},
    Row{get_twin, {twin_read, answer}},
    Row{patch_twin, {twin_write, request}},
    Row{replace_twin, {twin_write, request}},
    Row{get_digital_twin, {twin_read, answer}},
    Row{patch_digital_twin, {twin_write, request}},
    Row{query_twins, {query, answer}},
    Row{invoke_method, {direct_method, both}},
    Row{invoke_root_command, {direct_method, both}},
    Row{invoke_component_command, {direct_method, both}},
    Row{list_configurations, {configuration_read, nothing}},
    Row{get_configuration, {configuration_read, nothing}},
    Row{test_configuration_queries, {configuration_read, nothing}},
    Row{put_configuration, {configuration_write, nothing}},
    Row{delete_configuration, {configuration_write, nothing}},
    Row{apply_configuration_content, {configuration_write, request}},
    Row{get_job, {job_read, nothing}},
    Row{query_jobs, {job_read, nothing}},
    Row{create_job, {job_write, nothing}},
    Row{cancel_job, {job_write, nothing}},
    Row{list_registry_jobs, {job_read, nothing}},
    Row{get_registry_job, {job_read, nothing}},
    Row{create_registry_job, {job_write, nothing}},
    Row{cancel_registry_job, {job_write, nothing}},
    Row{receive_c2d, {c2d_receive, nothing}},
    Row{begin_upload, {file_upload, one_message}},
};

}  // namespace

std::optional<Meter> meter_of(const Route& route) {
  const auto found =
      std::find_if(kRows.begin(), kRows.end(), [&](const Row& row) { return row.operation == route.operation; });
  return found == kRows.end() ? std::nullopt : std::optional(found->meter);
}

void charge(hub::Throttle& throttle, const Meter& meter, std::size_t request, std::size_t answer) {
  switch (meter.charge) {
    case Meter::Charge::nothing:
      return;
    case Meter::Charge::one_message:
      return throttle.charge(0);
    case Meter::Charge::request:
      return throttle.charge(request);
    case Meter::Charge::answer:
      return throttle.charge(answer);
    case Meter::Charge::both:
      throttle.charge(request);
      return throttle.charge(answer);
  }
}

}  // namespace iothub::heads::rest
