#include "protocol/amqp/client.h"

#include <proton/codec.h>
#include <proton/condition.h>
#include <proton/connection.h>
#include <proton/connection_driver.h>
#include <proton/delivery.h>
#include <proton/link.h>
#include <proton/session.h>
#include <proton/ssl.h>
#include <proton/terminus.h>
#include <proton/transport.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <utility>
#include <vector>

namespace iothub::amqp {
namespace {

constexpr std::uint32_t kMaxFrame = 65536;
constexpr std::size_t kWindow = std::size_t{4} << 20U;
constexpr std::uint64_t kSelectorCode = 0x0000468C00000004;

std::string text(pn_condition_t* condition) {
  const char* name = pn_condition_get_name(condition);
  const char* description = pn_condition_get_description(condition);
  return std::string(name == nullptr ? "" : name) + (description == nullptr ? "" : std::string(": ") + description);
}

LinkId id_of(pn_link_t* link) {
  return reinterpret_cast<LinkId>(pn_link_get_context(link));
}

void set_selector(pn_terminus_t* source, const std::string& selector) {
  Map filter;
  add_symbol(filter, "apache.org:selector-filter:string", Described{{Value(kSelectorCode), Value(selector)}});
  std::string bytes;
  encode(Value(std::move(filter)), bytes);
  pn_data_decode(pn_terminus_filter(source), bytes.data(), bytes.size());
}

}  // namespace

Client::Client(ClientHandler& handler, const std::string& hostname, const std::optional<Trust>& trust)
    : handler_(handler), driver_(std::make_unique<pn_connection_driver_t>()) {
  pn_connection_driver_init(driver_.get(), nullptr, nullptr);
  pn_transport_set_max_frame(driver_->transport, kMaxFrame);
  if (trust) {
    pn_ssl_domain_t* domain = pn_ssl_domain(PN_SSL_MODE_CLIENT);
    pn_ssl_t* ssl = pn_ssl(driver_->transport);
    const bool usable = domain != nullptr && pn_ssl_domain_set_trusted_ca_db(domain, trust->ca_file.c_str()) == 0 &&
                        pn_ssl_domain_set_peer_authentication(domain, PN_SSL_VERIFY_PEER_NAME, nullptr) == 0 &&
                        pn_ssl_init(ssl, domain, nullptr) == 0 &&
                        pn_ssl_set_peer_hostname(ssl, trust->host_name.c_str()) == 0;
    if (domain != nullptr) pn_ssl_domain_free(domain);
    if (!usable) {
      pn_connection_driver_destroy(driver_.get());
      throw std::runtime_error("TLS with the CA file " + trust->ca_file + " cannot be set up");
    }
  }
  pn_connection_set_container(driver_->connection, "iothub-emulator-client");
  pn_connection_set_hostname(driver_->connection, hostname.c_str());
  pn_connection_open(driver_->connection);
  session_ = pn_session(driver_->connection);
  pn_session_set_incoming_capacity(session_, kWindow);
  pn_session_open(session_);
}

Client::~Client() {
  pn_connection_driver_destroy(driver_.get());
}

LinkId Client::open_sender(const std::string& target) {
  const LinkId id = ++last_link_;
  pn_link_t* link = pn_sender(session_, ("sender-" + std::to_string(id)).c_str());
  pn_link_set_context(link, reinterpret_cast<void*>(id));
  pn_terminus_set_address(pn_link_target(link), target.c_str());
  pn_terminus_set_address(pn_link_source(link), target.c_str());
  pn_link_open(link);
  links_[id] = {link, 0, {}};
  return id;
}

LinkId Client::open_receiver(const std::string& source, const std::string& selector, int credit) {
  const LinkId id = ++last_link_;
  pn_link_t* link = pn_receiver(session_, ("receiver-" + std::to_string(id)).c_str());
  pn_link_set_context(link, reinterpret_cast<void*>(id));
  pn_terminus_set_address(pn_link_source(link), source.c_str());
  pn_terminus_set_address(pn_link_target(link), ("receiver-" + std::to_string(id)).c_str());
  if (!selector.empty()) set_selector(pn_link_source(link), selector);
  pn_link_open(link);
  pn_link_flow(link, credit);
  links_[id] = {link, credit, {}};
  return id;
}

void Client::send(LinkId id, std::string_view message) {
  pn_link_t* link = links_.at(id).link;
  const std::uint64_t tag = ++last_tag_;
  pn_delivery_t* delivery = pn_delivery(link, pn_dtag(reinterpret_cast<const char*>(&tag), sizeof tag));
  pn_link_send(link, message.data(), message.size());
  pn_link_advance(link);
  pn_delivery_settle(delivery);
}

void Client::receive(std::span<const std::byte> bytes) {
  std::string_view rest(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  handle_events();
  while (!rest.empty()) {
    const pn_rwbytes_t room = pn_connection_driver_read_buffer_sized(driver_.get(), rest.size());
    if (room.size == 0) return;  // it has ended
    const std::size_t taken = std::min(room.size, rest.size());
    std::memcpy(room.start, rest.data(), taken);
    pn_connection_driver_read_done(driver_.get(), taken);
    rest.remove_prefix(taken);
    handle_events();
  }
}

void Client::write(std::string& out) {
  handle_events();
  for (;;) {
    const pn_bytes_t bytes = pn_connection_driver_write_buffer(driver_.get());
    if (bytes.size == 0) return;
    out.append(bytes.start, bytes.size);
    pn_connection_driver_write_done(driver_.get(), bytes.size);
    handle_events();
  }
}

void Client::tick(std::int64_t now_milliseconds) {
  pn_transport_tick(driver_->transport, now_milliseconds);
  handle_events();
}

bool Client::finished() const {
  return pn_connection_driver_finished(driver_.get()) || pn_connection_driver_read_closed(driver_.get()) ||
         (pn_connection_state(driver_->connection) & PN_REMOTE_CLOSED) != 0;
}

std::string Client::end_reason() const {
  for (pn_condition_t* condition :
       {pn_connection_remote_condition(driver_->connection), pn_transport_condition(driver_->transport)}) {
    if (pn_condition_is_set(condition)) return text(condition);
  }
  return "the connection was closed";
}

void Client::handle_events() {
  while (pn_event_t* event = pn_connection_driver_next_event(driver_.get())) handle(event);
}

void Client::handle(pn_event_t* event) {
  switch (pn_event_type(event)) {
    case PN_LINK_REMOTE_OPEN: {
      // A refused link comes without its terminus, and its detach follows.
      pn_link_t* link = pn_event_link(event);
      pn_terminus_t* terminus = pn_link_is_receiver(link) ? pn_link_remote_source(link) : pn_link_remote_target(link);
      if (pn_terminus_get_type(terminus) != PN_UNSPECIFIED) handler_.opened(id_of(link));
      break;
    }
    case PN_LINK_REMOTE_CLOSE:
    case PN_LINK_REMOTE_DETACH:
      link_ended(pn_event_link(event));
      break;
    case PN_DELIVERY:
      delivery(pn_event_delivery(event));
      break;
    default:  // the driver and finished() look after the rest
      break;
  }
}

void Client::link_ended(pn_link_t* link) {
  const LinkId id = id_of(link);
  if (links_.erase(id) == 0) return;
  const std::string reason = text(pn_link_remote_condition(link));
  pn_link_close(link);
  handler_.ended(id, reason);
}

void Client::delivery(pn_delivery_t* delivery) {
  pn_link_t* link = pn_delivery_link(delivery);
  const auto found = links_.find(id_of(link));
  if (found == links_.end() || !pn_link_is_receiver(link) || !pn_delivery_readable(delivery)) return;
  std::string& message = found->second.partial;
  std::vector<char> piece(pn_delivery_pending(delivery));
  if (!piece.empty()) {
    const ssize_t size = pn_link_recv(link, piece.data(), piece.size());
    if (size > 0) message.append(piece.data(), static_cast<std::size_t>(size));
  }
  if (pn_delivery_partial(delivery)) return;
  const std::string whole = std::exchange(message, {});
  pn_delivery_update(delivery, PN_ACCEPTED);
  pn_link_advance(link);
  pn_delivery_settle(delivery);
  const int missing = found->second.credit - pn_link_credit(link);
  if (missing * 2 >= found->second.credit) pn_link_flow(link, missing);
  handler_.message(found->first, whole);
}

}  // namespace iothub::amqp
