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
void get_seed(const Request& request);
void post_seed(const Request& request);

// message_wait.cpp
void get_messages(const Request& request);

// event_stream.cpp
void get_events(const Request& request);

}  // namespace iothub::heads::control
