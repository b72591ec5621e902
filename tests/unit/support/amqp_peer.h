#pragma once
/// An AMQP client for units: Qpid Proton's engine on the other side, bytes in and out.
#include <proton/codec.h>
#include <proton/condition.h>
#include <proton/connection.h>
#include <proton/connection_driver.h>
#include <proton/delivery.h>
#include <proton/event.h>
#include <proton/link.h>
#include <proton/sasl.h>
#include <proton/session.h>
#include <proton/terminus.h>
#include <proton/transport.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/amqp/message.h"
#include "protocol/amqp/value.h"

namespace iothub::test {

class AmqpPeer {
 public:
  struct Delivery {
    std::string tag;
    amqp::Message message;
    pn_delivery_t* handle = nullptr;
  };
  struct Link {
    pn_link_t* handle = nullptr;
    std::deque<Delivery> received;  // those that a test holds stay where they are
    std::string refused;            ///< the condition of the hub's detach; empty: none
    std::string why;                ///< its description
  };

  /// Without a user there is no SASL layer.
  explicit AmqpPeer(const char* user = nullptr, const char* password = nullptr) {
    pn_connection_driver_init(&driver_, nullptr, nullptr);
    pn_connection_set_hostname(driver_.connection, "localhost");
    pn_connection_set_container(driver_.connection, "peer");
    if (user != nullptr) {
      pn_connection_set_user(driver_.connection, user);
      pn_connection_set_password(driver_.connection, password);
      pn_sasl_set_allow_insecure_mechs(pn_sasl(driver_.transport), true);
      pn_sasl_allowed_mechs(pn_sasl(driver_.transport), "PLAIN");
    }
    pn_connection_open(driver_.connection);
  }
  AmqpPeer(const AmqpPeer&) = delete;
  AmqpPeer& operator=(const AmqpPeer&) = delete;
  ~AmqpPeer() { pn_connection_driver_destroy(&driver_); }

  /// Before anything is sent. A session's window counts frames of this size.
  void set_max_frame(std::uint32_t bytes) { pn_transport_set_max_frame(driver_.transport, bytes); }

  pn_session_t* begin() {
    pn_session_t* session = pn_session(driver_.connection);
    pn_session_open(session);
    return session;
  }

  Link& sender(const std::string& address, const amqp::Map& properties = {}, pn_session_t* session = nullptr) {
    return attach(pn_sender(of(session), next_name().c_str()), address, properties);
  }
  Link& receiver(const std::string& address, int credit = 10, const amqp::Map& properties = {},
                 pn_session_t* session = nullptr) {
    Link& link = attach(pn_receiver(of(session), next_name().c_str()), address, properties);
    if (credit > 0) pn_link_flow(link.handle, credit);
    return link;
  }
  void detach(Link& link) { pn_link_close(link.handle); }

  pn_delivery_t* send(Link& link, const std::string& bytes) {
    const std::string tag = std::to_string(++last_tag_);
    pn_delivery_t* delivery = pn_delivery(link.handle, pn_dtag(tag.data(), tag.size()));
    pn_link_send(link.handle, bytes.data(), bytes.size());
    pn_link_advance(link.handle);
    return delivery;
  }
  /// Of a message that is never whole.
  void send_part(Link& link, const std::string& bytes) {
    const std::string tag = std::to_string(++last_tag_);
    if (pn_link_current(link.handle) == nullptr) pn_delivery(link.handle, pn_dtag(tag.data(), tag.size()));
    pn_link_send(link.handle, bytes.data(), bytes.size());
  }
  pn_delivery_t* send(Link& link, const amqp::Message& message) { return send(link, encode(message)); }

  /// `accepted`, `released`, or `rejected: {condition}`; `none` before there is an answer.
  static std::string outcome(pn_delivery_t* delivery) {
    switch (pn_delivery_remote_state(delivery)) {
      case PN_ACCEPTED:
        return "accepted";
      case PN_RELEASED:
        return "released";
      case PN_REJECTED: {
        const char* name = pn_condition_get_name(pn_disposition_condition(pn_delivery_remote(delivery)));
        return std::string("rejected: ") + (name == nullptr ? "" : name);
      }
      default:
        return "none";
    }
  }
  /// Without settling it: the hub's answer can be read as its outcome then.
  static void settle(Delivery& delivery, std::uint64_t state) { pn_delivery_update(delivery.handle, state); }

  const std::string& closed() const { return closed_; }  ///< the condition of the hub's close

  /// Keeps the idle time-outs, as a client does.
  void tick(std::int64_t now_milliseconds) { pn_transport_tick(driver_.transport, now_milliseconds); }

  std::string out() {
    handle_events();
    std::string bytes;
    for (;;) {
      const pn_bytes_t ready = pn_connection_driver_write_buffer(&driver_);
      if (ready.size == 0) return bytes;
      bytes.append(ready.start, ready.size);
      pn_connection_driver_write_done(&driver_, ready.size);
      handle_events();
    }
  }
  void in(std::string_view bytes) {
    while (!bytes.empty()) {
      const pn_rwbytes_t room = pn_connection_driver_read_buffer(&driver_);
      const std::size_t taken = std::min(room.size, bytes.size());
      if (taken == 0) return;
      std::memcpy(room.start, bytes.data(), taken);
      pn_connection_driver_read_done(&driver_, taken);
      bytes.remove_prefix(taken);
      handle_events();
    }
  }

 private:
  std::string next_name() { return "link" + std::to_string(++last_name_); }
  pn_session_t* of(pn_session_t* session) {
    if (session != nullptr) return session;
    if (session_ == nullptr) session_ = begin();
    return session_;
  }

  Link& attach(pn_link_t* handle, const std::string& address, const amqp::Map& properties) {
    Link& link = links_.emplace_back();
    link.handle = handle;
    pn_link_set_context(handle, &link);
    pn_terminus_set_address(pn_link_is_sender(handle) ? pn_link_target(handle) : pn_link_source(handle),
                            address.c_str());
    if (!properties.empty()) {
      std::string bytes;
      amqp::encode(amqp::Value(properties), bytes);
      pn_data_decode(pn_link_properties(handle), bytes.data(), bytes.size());
    }
    pn_link_open(handle);
    return link;
  }

  void handle_events() {
    while (pn_event_t* event = pn_connection_driver_next_event(&driver_)) {
      switch (pn_event_type(event)) {
        case PN_DELIVERY:
          take(pn_event_delivery(event));
          break;
        case PN_LINK_REMOTE_CLOSE:
        case PN_LINK_REMOTE_DETACH: {
          pn_link_t* handle = pn_event_link(event);
          auto& link = *static_cast<Link*>(pn_link_get_context(handle));
          pn_condition_t* condition = pn_link_remote_condition(handle);
          if (const char* name = pn_condition_get_name(condition)) link.refused = name;
          if (const char* why = pn_condition_get_description(condition)) link.why = why;
          pn_link_close(handle);
          break;
        }
        case PN_CONNECTION_REMOTE_CLOSE: {
          const char* name = pn_condition_get_name(pn_connection_remote_condition(driver_.connection));
          closed_ = name == nullptr ? "closed" : name;
          pn_connection_close(driver_.connection);
          break;
        }
        default:
          break;
      }
    }
  }

  static void take(pn_delivery_t* delivery) {
    pn_link_t* handle = pn_delivery_link(delivery);
    if (!pn_link_is_receiver(handle) || !pn_delivery_readable(delivery) || pn_delivery_partial(delivery)) return;
    std::string bytes(pn_delivery_pending(delivery), '\0');
    pn_link_recv(handle, bytes.data(), bytes.size());
    const pn_delivery_tag_t tag = pn_delivery_tag(delivery);
    std::optional<amqp::Message> message = amqp::parse_message(bytes);
    pn_link_advance(handle);
    auto& link = *static_cast<Link*>(pn_link_get_context(handle));
    link.received.push_back({{tag.start, tag.size}, message ? std::move(*message) : amqp::Message{}, delivery});
  }

  pn_connection_driver_t driver_{};
  pn_session_t* session_ = nullptr;
  std::deque<Link> links_;
  std::string closed_;
  int last_name_ = 0;
  int last_tag_ = 0;
};

}  // namespace iothub::test
