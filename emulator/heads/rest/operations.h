#pragma once
/// The operations behind the routes (rest.md 3). Each answers its call.

namespace iothub::heads::rest {

class Call;

// Devices and modules: the path tells which.
void get_identity(Call& call);
void put_identity(Call& call);
void delete_identity(Call& call);
void list_devices(Call& call);
void list_modules(Call& call);

void get_twin(Call& call);
void patch_twin(Call& call);
void replace_twin(Call& call);

void bulk_identities(Call& call);
void regenerate_keys(Call& call);
void registry_statistics(Call& call);
void service_statistics(Call& call);
void query_twins(Call& call);

/// Of a device or a module; answered when it has answered.
void invoke_method(Call& call);

void purge_c2d(Call& call);
void receive_feedback(Call& call);
void complete_feedback(Call& call);
void abandon_feedback(Call& call);

void list_configurations(Call& call);
void get_configuration(Call& call);
void put_configuration(Call& call);
void delete_configuration(Call& call);
void test_configuration_queries(Call& call);
void apply_configuration_content(Call& call);

void create_job(Call& call);
void get_job(Call& call);
void cancel_job(Call& call);
void query_jobs(Call& call);

/// Import and export of the registry.
void create_registry_job(Call& call);
void list_registry_jobs(Call& call);
void get_registry_job(Call& call);
void cancel_registry_job(Call& call);

void get_digital_twin(Call& call);
void patch_digital_twin(Call& call);
void invoke_root_command(Call& call);
void invoke_component_command(Call& call);

/// A device's own (rest.md 4).
void send_telemetry(Call& call);
void begin_upload(Call& call);
/// The body, or the path, names the upload.
void complete_upload(Call& call);
void complete_upload_of_path(Call& call);
void receive_c2d(Call& call);
void complete_or_reject_c2d(Call& call);
void abandon_c2d(Call& call);

}  // namespace iothub::heads::rest
