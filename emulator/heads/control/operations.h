#pragma once
/// What each path of the control API does; each answers its request, at once or later.
namespace iothub::heads::control {

struct Request;

// facts.cpp
void get_health(const Request& request);
void get_ready(const Request& request);
void get_version(const Request& request);
void get_connections(const Request& request);
void get_ca_pem(const Request& request);
void get_connection_strings(const Request& request);
void get_metrics(const Request& request);

// seed.cpp
void get_seed(const Request& request);
void post_seed(const Request& request);
void diff_seed(const Request& request);

// message_wait.cpp
void get_messages(const Request& request);

// c2d.cpp
void look_at_device_queue(const Request& request);
void look_at_module_queue(const Request& request);
void list_feedback(const Request& request);
void send_to_device(const Request& request);
void send_to_module(const Request& request);

// event_stream.cpp
void get_events(const Request& request);

// protocol_stream.cpp
void get_protocol(const Request& request);

// state.cpp
void post_reset(const Request& request);
void list_snapshots(const Request& request);
void save_snapshot(const Request& request);
void remove_snapshot(const Request& request);
void restore_snapshot(const Request& request);
void fork_snapshot(const Request& request);
void list_hubs(const Request& request);
void add_hub(const Request& request);
void remove_hub(const Request& request);

// simulations.cpp
void list_simulations(const Request& request);
void start_simulation(const Request& request);
void remove_simulation(const Request& request);

// scenario_runs.cpp
void list_scenario_runs(const Request& request);
void put_scenario_run(const Request& request);

// clock.cpp
void get_clock(const Request& request);
void freeze_clock(const Request& request);
void advance_clock(const Request& request);
void set_clock(const Request& request);
void resume_clock(const Request& request);

// faults.cpp
void list_faults(const Request& request);
void add_fault(const Request& request);
void remove_fault(const Request& request);
void remove_faults(const Request& request);

// explain.cpp
void get_explain(const Request& request);
void explain_query(const Request& request);
void explain_route(const Request& request);
void explain_configuration(const Request& request);

// routing.cpp
void get_routing(const Request& request);
void put_routing(const Request& request);

}  // namespace iothub::heads::control
