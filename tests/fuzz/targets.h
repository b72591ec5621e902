#pragma once
/// The fuzz targets. Each takes one input and ends the program where the hub does not keep its word.
#include <string_view>

namespace iothub::fuzz {

void mqtt_packets(std::string_view input);
void mqtt_session(std::string_view input);
void amqp_session(std::string_view input);
void amqp_links(std::string_view input);
void amqp_message(std::string_view input);
void http_requests(std::string_view input);
void rest(std::string_view input);
void control_api(std::string_view input);
void blob_requests(std::string_view input);
void websocket_frames(std::string_view input);
void sas_token(std::string_view input);
void twin_patches(std::string_view input);
void query(std::string_view input);
void routing(std::string_view input);
void seed_file(std::string_view input);
void scenario_file(std::string_view input);
void certificates(std::string_view input);
void texts(std::string_view input);

struct Target {
  std::string_view name;
  void (*run)(std::string_view input);
};

inline constexpr Target kTargets[] = {
    {"mqtt_packets", mqtt_packets},
    {"mqtt_session", mqtt_session},
    {"amqp_session", amqp_session},
    {"amqp_links", amqp_links},
    {"amqp_message", amqp_message},
    {"http_requests", http_requests},
    {"rest", rest},
    {"control_api", control_api},
    {"blob_requests", blob_requests},
    {"websocket_frames", websocket_frames},
    {"sas_token", sas_token},
    {"twin_patches", twin_patches},
    {"query", query},
    {"routing", routing},
    {"seed_file", seed_file},
    {"scenario_file", scenario_file},
    {"certificates", certificates},
    {"texts", texts},
};

}  // namespace iothub::fuzz
