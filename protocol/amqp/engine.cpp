#include "protocol/amqp/engine.h"

#include <proton/codec.h>
#include <proton/condition.h>
#include <proton/connection.h>
#include <proton/connection_driver.h>
#include <proton/delivery.h>
#include <proton/link.h>
#include <proton/sasl.h>
#include <proton/sasl_plugin.h>
#include <proton/session.h>
#include <proton/terminus.h>
#include <proton/transport.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>

#include "protocol/amqp/frame.h"

namespace iothub::amqp {
namespace {

// Constants.cs of Microsoft's open edge hub: 64 KiB frames, 8191 channels, four minutes of silence.
constexpr std::uint32_t kMaxFrame = 65536;
constexpr std::uint16_t kMaxChannel = 8191;
/// Proton announces half of it.
constexpr pn_millis_t kIdleTimeout = 2 * 240'000;
constexpr std::size_t kIncomingCapacity = std::size_t{4} << 20U;
/// The C device SDK batches up to it; a hub takes 256 KB a message.
constexpr std::uint64_t kMaxMessage = 262144;
constexpr int kIncomingCredit = 100;
constexpr std::size_t kWrittenAtOnce = std::size_t{1} << 20U;
// Before a peer has proved who it is. An SDK opens a session with the two links of $cbs and puts a token of half a KiB.
// Few open a second session before, and .NET's pool of devices on one connection one for each; a session or link costs
// Proton 3.5 KiB, so that all connections together may have some more of them.
constexpr std::size_t kMostUntrustedBytes = std::size_t{64} * 1024;
constexpr std::size_t kMostUntrustedFrame = std::size_t{4} * 1024;
constexpr std::size_t kMostUntrustedPayload = std::size_t{2} * 1024;
constexpr std::size_t kUntrustedEndpoints = 3;
constexpr std::size_t kMostEndpointsBeyond = 4096;
/// A global, because what it bounds is the process's memory; one loop serves all connections.
std::size_t endpoints_beyond = 0;

std::string_view view(pn_bytes_t bytes) {
  return bytes.start == nullptr ? std::string_view{} : std::string_view(bytes.start, bytes.size);
}

std::string_view text(const char* chars) {
  return chars == nullptr ? std::string_view{} : std::string_view(chars);
}

/// Through its encoding: our own codec knows all types.
Map map_of(pn_data_t* data) {
  if (data == nullptr || pn_data_size(data) == 0) return {};
  std::string bytes(static_cast<std::size_t>(std::max<ssize_t>(pn_data_encoded_size(data), 0)), '\0');
  if (pn_data_encode(data, bytes.data(), bytes.size()) < 0) return {};
  std::string_view rest = bytes;
  std::optional<Value> value = decode(rest);
  if (!value) return {};
  auto* map = std::get_if<Map>(&*value);
  return map == nullptr ? Map{} : std::move(*map);
}

void set(pn_condition_t* condition, const Condition& error) {
  pn_condition_set_name(condition, error.name.c_str());
  if (!error.description.empty()) pn_condition_set_description(condition, error.description.c_str());
  if (error.info.empty()) return;
  std::string bytes;
  encode(Value(error.info), bytes);
  pn_data_decode(pn_condition_info(condition), bytes.data(), bytes.size());
}

void reject(pn_delivery_t* delivery, const Condition& error) {
  pn_condition_t* condition = pn_disposition_condition(pn_delivery_local(delivery));
  set(condition, error);
  // pyamqp reads all three fields of the error (client.py), and Proton would leave out an info that is null.
  if (error.info.empty()) pn_data_put_map(pn_condition_info(condition));
  pn_delivery_update(delivery, PN_REJECTED);
}

/// A whole frame of at least one byte more than its header.
bool begins_with_end(std::string_view frame) {
  constexpr std::size_t kDataOffset = 4;
  constexpr std::string_view kEnd("\0\x53\x17", 3);
  if (frame.size() <= kDataOffset || frame.starts_with("AMQP")) return false;
  const std::size_t body = std::size_t{static_cast<std::uint8_t>(frame[kDataOffset])} * 4;
  return body < frame.size() && frame.substr(body).starts_with(kEnd);
}

constexpr std::size_t kFrameType = 5;
constexpr char kSaslFrame = 1;

bool is_sasl(std::string_view frame) {
  return frame.size() > kFrameType && frame[kFrameType] == kSaslFrame && !frame.starts_with("AMQP");
}

/// What Proton settles as it frees a link has no outcome: rhea prints an error for each.
void release_unsettled(pn_link_t* link) {
  if (pn_link_is_receiver(link)) return;
  for (pn_delivery_t* each = pn_unsettled_head(link); each != nullptr; each = pn_unsettled_next(each)) {
    if (pn_delivery_local_state(each) == 0) pn_delivery_update(each, PN_RELEASED);
  }
}

LinkId id_of(pn_link_t* link) {
  return reinterpret_cast<LinkId>(pn_link_get_context(link));
}

}  // namespace

/// The server side of SASL (proton/sasl_plugin.h): Proton's own offers only ANONYMOUS without Cyrus, and Azure's
/// clients ask for MSSBCBS and PLAIN.
struct Engine::Sasl {
  static Engine& engine(pn_transport_t* transport) { return *static_cast<Engine*>(pnx_sasl_get_context(transport)); }

  static void init(pn_transport_t* transport, const char* mechanism, const pn_bytes_t* response) {
    const std::string_view name = text(mechanism);
    bool passed = name == "MSSBCBS" || name == "ANONYMOUS";
    if (name == "EXTERNAL") passed = engine(transport).handler_.authenticate_external();
    engine(transport).user_ = name;
    if (name == "PLAIN") passed = plain(transport, response == nullptr ? std::string_view{} : view(*response));
    const char* user = engine(transport).user_.c_str();
    if (passed) {
      pnx_sasl_set_succeeded(transport, user, user);
    } else {
      pnx_sasl_set_failed(transport);
    }
    pnx_sasl_set_desired_state(transport, SASL_POSTED_OUTCOME);
  }

  /// RFC 4616: authzid NUL authcid NUL password.
  static bool plain(pn_transport_t* transport, std::string_view response) {
    const std::size_t first = response.find('\0');
    if (first == std::string_view::npos) return false;
    const std::size_t second = response.find('\0', first + 1);
    if (second == std::string_view::npos) return false;
    const std::string_view name = response.substr(first + 1, second - first - 1);
    engine(transport).user_ = name;
    return engine(transport).handler_.authenticate_plain(name, response.substr(second + 1));
  }

  static constexpr pnx_sasl_implementation kImplementation = {
      [](pn_transport_t*) {},
      [](pn_transport_t*) -> const char* { return "MSSBCBS PLAIN ANONYMOUS EXTERNAL"; },
      [](pn_transport_t* transport) {
        pnx_sasl_set_desired_state(transport, SASL_POSTED_MECHANISMS);
        return true;
      },
      [](pn_transport_t*) { return false; },
      [](pn_transport_t*) {},
      init,
      [](pn_transport_t*, const pn_bytes_t*) {},
      [](pn_transport_t*, const char*) { return false; },
      [](pn_transport_t*, const pn_bytes_t*) {},
      [](pn_transport_t*, const pn_bytes_t*) {},
      [](pn_transport_t*) { return false; },
      [](pn_transport_t*) -> ssize_t { return 0; },
      [](pn_transport_t*, pn_bytes_t, pn_bytes_t*) -> ssize_t { return 0; },
      [](pn_transport_t*, pn_bytes_t, pn_bytes_t*) -> ssize_t { return 0; },
  };
};

Engine::Engine(EngineHandler& handler) : handler_(handler), driver_(std::make_unique<pn_connection_driver_t>()) {
  pn_connection_driver_init(driver_.get(), nullptr, nullptr);
  pn_transport_t* transport = driver_->transport;
  pn_transport_set_server(transport);
  pn_sasl_t* sasl = pn_sasl(transport);
  pnx_sasl_set_implementation(transport, &Sasl::kImplementation, this);
  pn_sasl_set_allow_insecure_mechs(sasl, true);
  // Node, .NET and X.509 clients come without a SASL layer.
  pn_transport_require_auth(transport, false);
  pn_transport_set_max_frame(transport, kMaxFrame);
  pn_transport_set_channel_max(transport, kMaxChannel);
  pn_transport_set_idle_timeout(transport, kIdleTimeout);
  pn_connection_set_container(driver_->connection, "iothub-emulator");
}

Engine::~Engine() {
  trust();
  pn_connection_driver_destroy(driver_.get());
}

// ---- bytes ----------------------------------------------------------------------------------------------------------

void Engine::receive(std::span<const std::byte> bytes) {
  const std::string_view arrived(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (!trusted_) watch(arrived);
  if (overfull_) return;
  input_ += arrived;
  handle_events();
  std::string_view rest = input_;
  while (!rest.empty() && !overfull_) {
    if (piece_ == 0) {
      piece_ = next_piece(rest);
      if (piece_ == 0) break;
      if (in_step_ && is_sasl(rest) && std::exchange(sasl_seen_, true)) {
        fail("a second SASL frame");
        break;
      }
      // Bounded, for a peer that sends and does not read.
      if (begins_with_end(rest) && output_.size() < kWrittenAtOnce) take_output(output_);
    }
    // Not ..._buffer_sized(): it may have no room in the middle of a frame, and the rest would wait for more to come.
    const pn_rwbytes_t room = pn_connection_driver_read_buffer(driver_.get());
    if (room.size == 0) break;
    const std::size_t taken = std::min(room.size, piece_);
    std::memcpy(room.start, rest.data(), taken);
    pn_connection_driver_read_done(driver_.get(), taken);
    piece_ -= taken;
    rest.remove_prefix(taken);
    handle_events();
  }
  const bool read_closed = pn_connection_driver_read_closed(driver_.get());
  // Of a frame that it does not know Proton says nothing, and reads no more.
  if (read_closed && !pn_condition_is_set(pn_transport_condition(driver_->transport)) &&
      (pn_connection_state(driver_->connection) & (PN_REMOTE_CLOSED | PN_LOCAL_CLOSED)) == 0) {
    fail("a frame that is not expected");
  }
  // What the engine refuses comes after its end.
  const bool closed = overfull_ || read_closed;
  if (closed) piece_ = 0;
  input_.erase(0, closed ? input_.size() : input_.size() - rest.size());
}

std::size_t Engine::next_piece(std::string_view rest) {
  std::size_t piece = 0;
  while (in_step_) {
    const std::optional<std::size_t> size = frame_size(rest.substr(piece));
    const bool readable = size && *size <= kMaxFrame;
    if (piece > 0 && !readable) return piece;
    if (!readable) {
      in_step_ = false;  // Proton says what is wrong with it
      break;
    }
    if (*size == 0 || *size > rest.size() - piece) return piece;
    const std::string_view frame = rest.substr(piece);
    if (piece > 0 && (begins_with_end(frame) || is_sasl(frame))) return piece;
    piece += *size;
  }
  return rest.size();
}

void Engine::fail(const char* why) {
  const Condition condition{"amqp:connection:framing-error", why, {}};
  close(condition);
  take_output(output_);
  pn_connection_driver_errorf(driver_.get(), condition.name.c_str(), "%s", why);
  pn_connection_driver_close(driver_.get());
  handle_events();
}

void Engine::take_output(std::string& out) {
  handle_events();
  const std::size_t begun = out.size();
  while (out.size() - begun < kWrittenAtOnce) {
    const pn_bytes_t bytes = pn_connection_driver_write_buffer(driver_.get());
    if (bytes.size == 0) break;
    normaliser_.append(view(bytes), pn_transport_get_remote_max_frame(driver_->transport), out);
    pn_connection_driver_write_done(driver_.get(), bytes.size);
    handle_events();
  }
}

void Engine::write(std::string& out) {
  out += output_;
  output_.clear();
  take_output(out);
}

std::optional<std::int64_t> Engine::tick(std::int64_t now_milliseconds) {
  const std::int64_t next = pn_transport_tick(driver_->transport, now_milliseconds);
  handle_events();
  return next == 0 ? std::nullopt : std::optional(next);
}

bool Engine::finished() const {
  return pn_connection_driver_finished(driver_.get()) || pn_connection_driver_write_closed(driver_.get());
}

std::string Engine::end_reason() const {
  for (pn_condition_t* condition :
       {pn_transport_condition(driver_->transport), pn_connection_remote_condition(driver_->connection)}) {
    if (!pn_condition_is_set(condition)) continue;
    return std::string(text(pn_condition_get_name(condition))) + ": " +
           std::string(text(pn_condition_get_description(condition)));
  }
  return "the connection was closed";
}

// ---- what the peer does
// -----------------------------------------------------------------------------------------------

void Engine::trust() {
  if (std::exchange(trusted_, true)) return;
  if (untrusted_endpoints_ > kUntrustedEndpoints) endpoints_beyond -= untrusted_endpoints_ - kUntrustedEndpoints;
}

void Engine::watch(std::string_view bytes) {
  constexpr std::uint32_t kProtocolHeader = 0x414D5150;  // "AMQP", and four bytes more
  untrusted_bytes_ += bytes.size();
  overfull_ = overfull_ || untrusted_bytes_ > kMostUntrustedBytes;
  while (!bytes.empty() && !overfull_) {
    if (frame_left_ > 0) {
      const std::size_t skipped = std::min(frame_left_, bytes.size());
      frame_left_ -= skipped;
      bytes.remove_prefix(skipped);
      continue;
    }
    frame_size_ = frame_size_ << 8U | static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    if (++frame_header_filled_ < sizeof frame_size_) continue;
    frame_header_filled_ = 0;
    if (frame_size_ == kProtocolHeader) {
      frame_left_ = 4;
    } else {
      overfull_ = frame_size_ > kMostUntrustedFrame;
      frame_left_ = std::max<std::size_t>(frame_size_, sizeof frame_size_) - sizeof frame_size_;
    }
  }
}

bool Engine::may_open() {
  if (trusted_) return true;
  if (untrusted_endpoints_ >= kUntrustedEndpoints) {
    if (endpoints_beyond >= kMostEndpointsBeyond) overfull_ = true;
    if (overfull_) return false;
    ++endpoints_beyond;
  }
  ++untrusted_endpoints_;
  return !overfull_;
}

void Engine::handle_events() {
  while (pn_event_t* event = pn_connection_driver_next_event(driver_.get())) handle(event);
}

void Engine::handle(pn_event_t* event) {
  switch (pn_event_type(event)) {
    case PN_CONNECTION_REMOTE_OPEN: {
      pn_connection_t* connection = pn_event_connection(event);
      pn_connection_open(connection);
      handler_.opened(text(pn_connection_remote_hostname(connection)));
      return;
    }
    case PN_SESSION_REMOTE_OPEN:
      if (!may_open()) return;
      pn_session_set_incoming_capacity(pn_event_session(event), kIncomingCapacity);
      pn_session_open(pn_event_session(event));
      return;
    case PN_LINK_REMOTE_OPEN:
      return remote_attach(pn_event_link(event));
    case PN_LINK_FLOW:
      return flow(pn_event_link(event));
    case PN_DELIVERY:
      return delivery(pn_event_delivery(event));
    case PN_LINK_REMOTE_DETACH:
      forget(pn_event_link(event));
      release_unsettled(pn_event_link(event));
      pn_link_detach(pn_event_link(event));
      pn_link_free(pn_event_link(event));
      return;
    case PN_LINK_REMOTE_CLOSE:
      forget(pn_event_link(event));
      release_unsettled(pn_event_link(event));
      pn_link_close(pn_event_link(event));
      pn_link_free(pn_event_link(event));
      return;
    case PN_SESSION_REMOTE_CLOSE:
      forget_session(pn_event_session(event));
      pn_session_close(pn_event_session(event));
      pn_session_free(pn_event_session(event));
      return;
    case PN_CONNECTION_REMOTE_CLOSE:
      pn_connection_close(pn_event_connection(event));
      return;
    default:
      return;  // what this side did, and what its other events say as well
  }
}

void Engine::remote_attach(pn_link_t* link) {
  if (!may_open()) return;
  Attach attach;
  attach.link = ++last_link_;
  attach.session = reinterpret_cast<std::uint64_t>(pn_link_session(link));
  attach.peer_receives = pn_link_is_sender(link);
  attach.name = text(pn_link_name(link));
  attach.source = text(pn_terminus_get_address(pn_link_remote_source(link)));
  attach.target = text(pn_terminus_get_address(pn_link_remote_target(link)));
  attach.properties = map_of(pn_link_remote_properties(link));
  attach.filter = map_of(pn_terminus_filter(pn_link_remote_source(link)));
  pn_link_set_context(link, reinterpret_cast<void*>(attach.link));
  links_[attach.link] = link;
  handler_.attached(attach);
}

void Engine::accept(const Attach& attach) {
  pn_link_t* link = find(attach.link);
  if (link == nullptr) return;
  // pyamqp takes an answer without them for a refusal.
  pn_terminus_copy(pn_link_source(link), pn_link_remote_source(link));
  pn_terminus_copy(pn_link_target(link), pn_link_remote_target(link));
  pn_link_set_snd_settle_mode(link, pn_link_remote_snd_settle_mode(link));
  pn_link_set_rcv_settle_mode(link, pn_link_remote_rcv_settle_mode(link));
  if (!attach.peer_receives) pn_link_set_max_message_size(link, kMaxMessage);
  pn_link_open(link);
  if (!attach.peer_receives) pn_link_flow(link, kIncomingCredit);
}

void Engine::refuse(LinkId id, const Condition& condition) {
  pn_link_t* link = find(id);
  if (link == nullptr) return;
  // Null, and not Proton's termini without an address: pyamqp knows a refusal by it (link.py), and Microsoft's own
  // library writes neither (azure-amqp, AmqpLink).
  pn_terminus_set_type(pn_link_source(link), PN_UNSPECIFIED);
  pn_terminus_set_type(pn_link_target(link), PN_UNSPECIFIED);
  open_and_close(link, condition);
}

void Engine::redirect(const Attach& attach, const Condition& condition) {
  pn_link_t* link = find(attach.link);
  if (link == nullptr) return;
  pn_terminus_copy(pn_link_source(link), pn_link_remote_source(link));
  pn_terminus_copy(pn_link_target(link), pn_link_remote_target(link));
  open_and_close(link, condition);
}

void Engine::open_and_close(pn_link_t* link, const Condition& condition) {
  set(pn_link_condition(link), condition);
  pn_link_open(link);
  pn_link_close(link);
  links_.erase(id_of(link));
}

void Engine::flow(pn_link_t* link) {
  const LinkId id = id_of(link);
  if (!pn_link_is_sender(link) || find(id) == nullptr) return;
  handler_.credit(id);
  if (find(id) != nullptr && pn_link_get_drain(link)) pn_link_drained(link);
}

void Engine::delivery(pn_delivery_t* delivery) {
  pn_link_t* link = pn_delivery_link(delivery);
  if (pn_link_is_receiver(link)) return receive_delivery(link, delivery);
  if (!pn_delivery_updated(delivery)) return;
  const pn_delivery_tag_t tag = pn_delivery_tag(delivery);
  Outcome outcome = Outcome::none;
  const std::uint64_t state = pn_delivery_remote_state(delivery);
  if (state == PN_ACCEPTED) outcome = Outcome::accepted;
  if (state == PN_REJECTED) outcome = Outcome::rejected;
  if (state == PN_RELEASED || state == PN_MODIFIED) outcome = Outcome::released;
  if (outcome == Outcome::none && !pn_delivery_settled(delivery)) return;
  std::optional<Condition> late;
  if (find(id_of(link)) != nullptr) late = handler_.settled(id_of(link), view(tag), outcome);
  if (late) {
    reject(delivery, *late);
  } else if (state != 0) {
    // .NET's second settle mode completes only with the state in the answer.
    pn_delivery_update(delivery, state == PN_MODIFIED ? std::uint64_t{PN_RELEASED} : state);
  }
  pn_delivery_settle(delivery);
}

void Engine::receive_delivery(pn_link_t* link, pn_delivery_t* delivery) {
  if (!pn_delivery_readable(delivery)) return;
  std::string& bytes = partial_[delivery];
  if (!trusted_) {
    // Left with Proton until it is whole: what waits is there once, and can be counted.
    std::size_t waiting = 0;
    for (const auto& each : partial_) {
      if (pn_delivery_partial(each.first)) waiting += pn_delivery_pending(each.first);
    }
    overfull_ = overfull_ || waiting > kMostUntrustedPayload;
    if (overfull_ || (pn_delivery_partial(delivery) && !pn_delivery_aborted(delivery))) return;
  }
  const std::size_t had = bytes.size();
  const std::size_t more = pn_delivery_pending(delivery);
  bytes.resize(had + more);
  const ssize_t received = pn_link_recv(link, bytes.data() + had, more);
  bytes.resize(had + static_cast<std::size_t>(std::max<ssize_t>(received, 0)));
  if (pn_delivery_aborted(delivery)) {
    partial_.erase(delivery);
    pn_delivery_settle(delivery);
    return;
  }
  // A peer that goes past what it was told is stopped before it fills the memory.
  constexpr std::size_t kMostReceived = std::size_t{4} << 20U;
  if (bytes.size() > kMostReceived) {
    partial_.erase(delivery);
    const LinkId id = id_of(link);
    handler_.detached(id);
    return detach(id, {"amqp:link:message-size-exceeded", "The message is too large"});
  }
  if (pn_delivery_partial(delivery)) return;
  const std::string whole = std::move(bytes);
  partial_.erase(delivery);
  pn_link_advance(link);
  const LinkId id = id_of(link);
  if (find(id) == nullptr) return;  // refused before it came
  const DeliveryId number = ++last_delivery_;
  held_.emplace_back(number, delivery);
  if (!handler_.holds(id, number, whole)) answer(number, handler_.message(id, whole));
  if (find(id) != nullptr && pn_link_credit(link) < kIncomingCredit / 2)
    pn_link_flow(link, kIncomingCredit - pn_link_credit(link));
}

void Engine::answer(DeliveryId id, const std::optional<Condition>& refusal) {
  // The newest mostly.
  const auto found = std::find_if(held_.rbegin(), held_.rend(), [id](const auto& each) { return each.first == id; });
  if (found == held_.rend()) return;
  pn_delivery_t* delivery = found->second;
  held_.erase(std::next(found).base());
  if (refusal) {
    reject(delivery, *refusal);
  } else {
    pn_delivery_update(delivery, PN_ACCEPTED);
  }
  pn_delivery_settle(delivery);
}

template <typename OfLink>
void Engine::forget_deliveries(OfLink of_link) {
  std::erase_if(partial_, [&](const auto& entry) { return of_link(pn_delivery_link(entry.first)); });
  std::erase_if(held_, [&](const auto& entry) { return of_link(pn_delivery_link(entry.second)); });
}

void Engine::forget(pn_link_t* link) {
  forget_deliveries([link](pn_link_t* each) { return each == link; });
  const LinkId id = id_of(link);
  if (links_.erase(id) != 0) handler_.detached(id);
}

void Engine::forget_session(pn_session_t* session) {
  std::vector<pn_link_t*> links;
  for (const auto& [id, link] : links_)
    if (pn_link_session(link) == session) links.push_back(link);
  for (pn_link_t* link : links) forget(link);
  forget_deliveries([session](pn_link_t* each) { return pn_link_session(each) == session; });
}

pn_link_t* Engine::find(LinkId link) const {
  const auto found = links_.find(link);
  return found == links_.end() ? nullptr : found->second;
}

// ---- what this side does
// ----------------------------------------------------------------------------------------------

int Engine::credit(LinkId id) const {
  pn_link_t* link = find(id);
  return link == nullptr ? 0 : pn_link_credit(link);
}

std::size_t Engine::waiting_bytes(LinkId id) const {
  pn_link_t* link = find(id);
  return link == nullptr ? 0 : pn_session_outgoing_bytes(pn_link_session(link));
}

void Engine::send(LinkId id, std::string_view message, std::string_view tag) {
  pn_link_t* link = find(id);
  if (link == nullptr) return;
  const std::uint64_t counted = ++last_tag_;
  std::string own(sizeof counted, '\0');
  std::memcpy(own.data(), &counted, sizeof counted);
  const std::string_view used = tag.empty() ? std::string_view(own) : tag;
  pn_delivery_t* delivery = pn_delivery(link, pn_dtag(used.data(), used.size()));
  pn_link_send(link, message.data(), message.size());
  pn_link_advance(link);
  if (tag.empty()) pn_delivery_settle(delivery);
}

void Engine::detach(LinkId id, const Condition& condition) {
  pn_link_t* link = find(id);
  if (link == nullptr) return;
  set(pn_link_condition(link), condition);
  pn_link_close(link);
  links_.erase(id);
}

void Engine::end_session(LinkId id, const Condition& condition) {
  pn_link_t* link = find(id);
  if (link == nullptr) return;
  pn_session_t* session = pn_link_session(link);
  forget_session(session);
  set(pn_session_condition(session), condition);
  pn_session_close(session);
}

void Engine::close(const Condition& condition) {
  pn_connection_t* connection = driver_->connection;
  for (const auto& [id, link] : links_) {
    set(pn_link_condition(link), condition);
    pn_link_close(link);
  }
  for (pn_session_t* session = pn_session_head(connection, PN_LOCAL_ACTIVE); session != nullptr;
       session = pn_session_next(session, PN_LOCAL_ACTIVE)) {
    forget_session(session);
    pn_session_close(session);
  }
  set(pn_connection_condition(connection), condition);
  pn_connection_close(connection);
}

}  // namespace iothub::amqp
