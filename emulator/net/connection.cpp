#include "emulator/net/connection.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <exception>
#include <utility>

#include "storage/store.h"

namespace iothub::net {
namespace {

// A request over plain HTTP is mostly a wrong scheme in a URL: its author reads this.
constexpr std::string_view kPlainHttpAnswer =
    "HTTP/1.1 400 Bad Request\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n"
    "Content-Length: 79\r\n"
    "Connection: close\r\n"
    "\r\n"
    "This port speaks TLS: use https://. (--allow-plain opens it to plain clients.)\n";
static_assert(kPlainHttpAnswer.size() - (kPlainHttpAnswer.find("\r\n\r\n") + 4) == 79);

// Buffers up to this size stay with an idle connection.
constexpr std::size_t kKeptCapacity = 512;

void empty(std::string& buffer) {
  if (buffer.capacity() > kKeptCapacity) {
    std::string().swap(buffer);
  } else {
    buffer.clear();
  }
}

}  // namespace

Connection::Connection(ConnectionContext& context, Socket socket, std::string id, std::string remote_address,
                       PlainText plain)
    : context_(context), transport_(std::move(socket)), deadline_(context.loop.scheduler()), plain_(plain) {
  peer_.connection_id = std::move(id);
  peer_.remote_address = std::move(remote_address);
}

void Connection::start() {
  context_.open.insert(shared_from_this());
  spdlog::debug("{}: accepted from {}", peer_.connection_id, peer_.remote_address);
  deadline_.set(kFirstPacketTime, [this] { run(&Connection::on_first_packet_deadline); });
  wait_readable();
}

void Connection::stop() {
  if (stage_ == Stage::closed) return;
  const auto self = shared_from_this();
  end_session("the emulator stops");
  if (stage_ != Stage::lingering) transport_.shut_down();
  drop("the emulator stops");
}

// ---- waiting ------------------------------------------------------------------------------------------------------

/// Every way in from the loop: an exception ends this connection and nothing else.
void Connection::run(Step step) {
  const auto self = shared_from_this();
  try {
    (this->*step)();
  } catch (const std::exception& bug) {
    spdlog::error("{}: {}; the connection is closed", peer_.connection_id, bug.what());
    drop(bug.what());
  }
}

void Connection::wait_readable() {
  if (std::exchange(read_awaited_, true)) return;
  transport_.wait_readable([self = shared_from_this()](boost::system::error_code error) {
    self->read_awaited_ = false;
    if (error || self->stage_ == Stage::closed) return;  // only our own close() makes an error here
    self->run(&Connection::on_readable);
  });
}

void Connection::wait_writable() {
  if (std::exchange(write_awaited_, true)) return;
  transport_.wait_writable([self = shared_from_this()](boost::system::error_code error) {
    self->write_awaited_ = false;
    if (error || self->stage_ == Stage::closed) return;
    self->run(&Connection::on_writable);
  });
}

/// For bytes that may wait in OpenSSL's memory, where no readiness shows them.
void Connection::read_soon() {
  if (std::exchange(read_awaited_, true)) return;
  boost::asio::post(context_.loop.io(), [self = shared_from_this()] {
    self->read_awaited_ = false;
    if (self->stage_ == Stage::closed) return;
    self->run(&Connection::on_readable);
  });
}

bool Connection::may_read() const {
  return (stage_ == Stage::first_bytes || stage_ == Stage::open) && !closing_ && !peer_ended_ && !session_paused_ &&
         !backlogged_ && upgrade_ == nullptr && doomed_reason_.empty();
}

void Connection::on_readable() {
  switch (stage_) {
    case Stage::first_byte:
      return peek();
    case Stage::handshake:
      return shake_hands();
    case Stage::first_bytes:
    case Stage::open:
      if (std::exchange(write_wants_read_, false)) flush();
      if (may_read()) read();
      return;
    case Stage::lingering:
      return linger();
    case Stage::closed:
      return;
  }
}

void Connection::on_writable() {
  if (stage_ == Stage::handshake) return shake_hands();
  if (std::exchange(read_wants_write_, false) && may_read()) read();
  if (stage_ == Stage::first_bytes || stage_ == Stage::open) flush();
}

// ---- what the client speaks ---------------------------------------------------------------------------------------

void Connection::peek() {
  std::byte first{};
  switch (transport_.peek(first).status) {
    case IoStatus::done:
      break;
    case IoStatus::wants_read:
    case IoStatus::wants_write:
      return wait_readable();
    case IoStatus::ended:
      return drop("closed without a byte");
    case IoStatus::failed:
      return transport_failed();
  }
  if (protocol_of({&first, 1}) == Protocol::tls) {
    transport_.start_tls(context_.tls.new_session());
    stage_ = Stage::handshake;
    return shake_hands();
  }
  stage_ = Stage::first_bytes;
  read();
}

void Connection::shake_hands() {
  switch (transport_.handshake().status) {
    case IoStatus::done:
      break;
    case IoStatus::wants_read:
      return wait_readable();
    case IoStatus::wants_write:
      return wait_writable();
    case IoStatus::ended:
    case IoStatus::failed: {
      const IoFailure& failure = transport_.failure();
      const std::string_view hint = handshake_hint(failure.tls);
      spdlog::info("{}: the TLS handshake of {} failed: {}{}{}", peer_.connection_id, peer_.remote_address,
                   failure.text(), hint.empty() ? "" : ": ", hint);
      return drop("the TLS handshake failed");
    }
  }
  stage_ = Stage::first_bytes;
  // The client's first packet may have come along with the end of its handshake.
  if (transport_.has_buffered()) return read();
  wait_readable();
}

void Connection::read() {
  const std::size_t most = session_ != nullptr ? session_->most_at_once() : heads::kReadOfStranger;
  const std::span<std::byte> all = context_.loop.read_buffer();
  const std::span<std::byte> buffer = all.first(std::min(most, all.size()));
  std::size_t filled = 0;
  IoResult result;
  do {  // OpenSSL gives one record a call, and a session does better with all of them at once
    result = transport_.read(buffer.subspan(filled));
    filled += result.bytes;
  } while (result.status == IoStatus::done && filled < buffer.size() && transport_.has_buffered());

  if (filled > 0) deliver(buffer.first(filled));
  if (stage_ == Stage::closed) return;

  switch (result.status) {
    case IoStatus::done:
      if (!may_read()) return;
      return transport_.has_buffered() ? read_soon() : wait_readable();
    case IoStatus::wants_read:
      if (may_read()) wait_readable();
      return;
    case IoStatus::wants_write:
      read_wants_write_ = true;
      return wait_writable();
    case IoStatus::ended:
      peer_ended_ = true;
      // A client may send a request, end its side, and still read the answer: it leaves with this turn, or later.
      if (session_ != nullptr && session_->finishes_alone()) return;
      return close("the client closed the connection");
    case IoStatus::failed:
      return transport_failed();
  }
}

void Connection::deliver(std::span<const std::byte> bytes) {
  if (stage_ == Stage::open) return receive(bytes);

  std::string together;
  if (!first_bytes_.empty()) {
    together = std::exchange(first_bytes_, {});
    together.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    bytes = std::as_bytes(std::span(together));
  }
  const Protocol protocol = protocol_of(bytes);
  if (protocol == Protocol::undecided) {
    first_bytes_.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return;
  }
  const bool served = protocol == Protocol::mqtt || protocol == Protocol::http || protocol == Protocol::amqp;
  if (!served || !may_speak(protocol)) return refuse(protocol);
  open_session(protocol, bytes);
}

bool Connection::may_speak(Protocol protocol) const {
  if (plain_ == PlainText::portal) return protocol == Protocol::http;
  return transport_.is_tls() || plain_ == PlainText::every_protocol ||
         (plain_ == PlainText::amqp && protocol == Protocol::amqp);
}

void Connection::refuse(Protocol protocol) {
  if (plain_ == PlainText::portal) {
    spdlog::info("{}: {} speaks no HTTP, and this is the port of the portal and the control API", peer_.connection_id,
                 peer_.remote_address);
    return close("the portal's port speaks HTTP only");
  }
  if (!may_speak(protocol) && protocol != Protocol::unknown) {
    spdlog::info("{}: {} speaks without TLS, which this port refuses: use TLS (https://, mqtts), or --allow-plain",
                 peer_.connection_id, peer_.remote_address);
    if (protocol == Protocol::http) out_ = kPlainHttpAnswer;
    return close("plain text is refused");
  }
  spdlog::info("{}: {} speaks neither TLS nor MQTT nor HTTP nor AMQP", peer_.connection_id, peer_.remote_address);
  close("unknown protocol");
}

void Connection::open_session(Protocol protocol, std::span<const std::byte> bytes) {
  peer_.secure = transport_.is_tls();
  peer_.portal = plain_ == PlainText::portal;
  peer_.certificate = transport_.client_certificate();
  spdlog::debug("{}: {} over {}", peer_.connection_id,
                protocol == Protocol::mqtt   ? "MQTT"
                : protocol == Protocol::http ? "HTTP"
                                             : "AMQP",
                peer_.secure ? transport_.tls_version() : "plain TCP");
  http_ = protocol == Protocol::http;
  mqtt_ = protocol == Protocol::mqtt;
  session_ = context_.make_session(protocol, *this, peer_, context_.environment);
  stage_ = Stage::open;
  if (!http_) context_.opened.tell(peer_.connection_id);
  receive(bytes);
}

void Connection::receive(std::span<const std::byte> bytes) {
  if (http_) last_activity_ = std::chrono::steady_clock::now();
  if (lookers_ != nullptr) note_handling(true);
  try {
    if (websocket_ != nullptr) {
      receive_frames(bytes);
    } else {
      session_->receive(bytes);
    }
  } catch (const storage::Error& error) {
    spdlog::error("{}: the storage failed: {}", peer_.connection_id, error.what());
    session_storage_failed();
  } catch (const std::exception& bug) {
    spdlog::error("{}: a bug in the emulator: {}; the connection is closed (please report this)", peer_.connection_id,
                  bug.what());
    doom("a bug in the emulator");
  }
  if (lookers_ != nullptr) note_handling(false);
  // Also without output: telemetry of QoS 0 is only written.
  context_.loop.turn().request();
}

void Connection::receive_frames(std::span<const std::byte> bytes) {
  std::string& data = context_.unframed;
  empty(data);
  const bool open = websocket_->reader.receive(bytes, data, websocket_->answers);
  if (!websocket_->answers.empty()) mark();
  if (!data.empty()) session_->receive(std::as_bytes(std::span(data)));
  if (open) return;
  if (websocket_->reader.close_status() != websocket::CloseStatus::normal) {
    spdlog::info("{}: {} broke the WebSocket: {}", peer_.connection_id, peer_.remote_address,
                 websocket_->reader.end_reason());
  }
  close(websocket_->reader.end_reason());
}

/// The 101 is committed: from here on both directions are frames.
void Connection::switch_to_websocket() {
  const auto upgrade = std::exchange(upgrade_, nullptr);
  end_session("HTTP became a WebSocket");
  const bool mqtt = upgrade->inner == heads::WebSocketProtocol::mqtt;
  spdlog::debug("{}: {} over WebSocket", peer_.connection_id, mqtt ? "MQTT" : "AMQP");
  websocket_ = std::make_unique<WebSocket>();
  peer_.websocket = true;
  session_ = context_.make_session(mqtt ? Protocol::mqtt : Protocol::amqp, *this, peer_, context_.environment);
  http_ = false;
  mqtt_ = mqtt;
  answered_ = false;
  deadline_.set(kFirstPacketTime, [this] { run(&Connection::on_first_packet_deadline); });
  context_.opened.tell(peer_.connection_id);
  if (!upgrade->rest.empty()) receive(std::as_bytes(std::span(upgrade->rest)));
  if (may_read()) read_soon();
}

void Connection::note_handling(bool handling) {
  lookers_->handling = handling;
  if (handling || !lookers_->packets.empty()) return;
  session_->tap(nullptr);  // the last who looked has gone
  lookers_.reset();
}

void Connection::session_storage_failed() {
  hub::Hub* const hub = session_->hub();
  mark();
  context_.loop.turn().fail(hub);
  // A session that did not know its hub yet belongs to none that has failed.
  if (hub == nullptr) turn_failed();
}

// ---- the session's way out ----------------------------------------------------------------------------------------

void Connection::mark() {
  if (std::exchange(marked_, true)) return;
  context_.loop.turn().add(shared_from_this());
}

std::string& Connection::pending() {
  if (session_ != nullptr && !closing_ && doomed_reason_.empty()) {
    mark();
    if (pending_.size() + unsent() <= kMostUnsent) return pending_;
    spdlog::warn("{}: {} has more than {} MiB waiting to be read", peer_.connection_id, peer_.remote_address,
                 kMostUnsent >> 20U);
    doom("the client does not read");
  }
  empty(context_.discarded);
  return context_.discarded;
}

void Connection::close(std::string_view reason) {
  if (closing_ || stage_ == Stage::lingering || stage_ == Stage::closed) return;
  closing_ = true;
  close_reason_ = reason;
  mark();
}

void Connection::pause_reading(bool pause) {
  session_paused_ = pause;
  if (may_read()) read_soon();
}

void Connection::become_websocket(heads::WebSocketProtocol inner, std::string rest) {
  upgrade_ = std::make_unique<Upgrade>(Upgrade{inner, std::move(rest)});
  mark();
}

hub::Hub* Connection::hub() const {
  return session_ != nullptr ? session_->hub() : nullptr;
}

void Connection::turn_failed() {
  if (session_ == nullptr || !doomed_reason_.empty() || (failed_ && pending_.empty())) return;
  failed_ = true;
  empty(pending_);
  upgrade_.reset();
  // A session that answered and closed in this turn answers again, then closes all the same.
  const bool was_closing = std::exchange(closing_, false);
  try {
    session_->commit_failed();
  } catch (const std::exception& bug) {
    spdlog::error("{}: a bug in the emulator: {}; the connection is closed (please report this)", peer_.connection_id,
                  bug.what());
    doom("a bug in the emulator");
  }
  closing_ = closing_ || was_closing;
  take_pending();  // needs no commit, so a second failure in this turn must not drop it
}

void Connection::take_pending() {
  if (pending_.empty()) return;
  answered_ = true;
  if (lookers_ != nullptr && session_ != nullptr) session_->tell_sent(std::as_bytes(std::span(pending_)), *lookers_);
  if (websocket_ != nullptr) {
    out_.erase(0, std::exchange(sent_, 0));
    websocket::append_binary(pending_, out_);
    return empty(pending_);
  }
  if (out_.empty()) {
    out_.swap(pending_);
    return;
  }
  out_.erase(0, std::exchange(sent_, 0));
  out_ += pending_;
  empty(pending_);
}

void Connection::seal() {
  marked_ = false;
  failed_ = false;
  take_pending();
  if (websocket_ == nullptr) return;
  if (unsent() == 0 || closing_) take_pongs();
  if (closing_ && !std::exchange(websocket_->close_sent, true)) {
    websocket::append_close(websocket_->reader.close_status(), out_);
  }
}

void Connection::take_pongs() {
  out_ += websocket_->answers;
  empty(websocket_->answers);
}

void Connection::write_sealed() {
  run(&Connection::write_turn);
}

void Connection::write_turn() {
  if (stage_ == Stage::closed || stage_ == Stage::lingering) return;
  if (!doomed_reason_.empty()) return drop(doomed_reason_);
  flush();
  if (upgrade_ != nullptr && !closing_ && stage_ == Stage::open) switch_to_websocket();
  const bool last_bytes_wait = closing_ && (stage_ == Stage::open || stage_ == Stage::first_bytes);
  if (last_bytes_wait) deadline_.set(kLastWriteTime, [this] { drop("the client does not take the last bytes"); });
}

void Connection::flush() {
  while (unsent() > 0) {
    if (write_awaited_) break;
    const IoResult result = transport_.write(std::string_view(out_).substr(sent_));
    sent_ += result.bytes;
    if (http_ && !closing_) watch_answer(result.bytes);
    switch (result.status) {
      case IoStatus::done:
        continue;
      case IoStatus::wants_write:
        wait_writable();
        break;
      case IoStatus::wants_read:
        write_wants_read_ = true;
        wait_readable();
        backlogged_ = unsent() > kUnsentThatPausesReading;
        return;
      case IoStatus::ended:
      case IoStatus::failed:
        return transport_failed();
    }
  }
  const bool was_backlogged = std::exchange(backlogged_, unsent() > kUnsentThatPausesReading);
  if (was_backlogged && may_read()) read_soon();
  if (unsent() > 0) return;

  sent_ = 0;
  empty(out_);
  if (websocket_ != nullptr && !websocket_->answers.empty()) {
    take_pongs();
    return flush();
  }
  if (pending_.empty()) empty(pending_);  // swapped in: yesterday's large answer; this turn's waits for its commit
  if (http_) {
    last_activity_ = std::chrono::steady_clock::now();
    if (std::exchange(answer_watched_, false)) {
      deadline_.set(kHttpIdleTime, [this] { run(&Connection::on_idle_deadline); });
    }
  }
  if (closing_) return finish_close();
  if (session_ != nullptr && stage_ == Stage::open) session_->written();
}

// ---- who looks ----------------------------------------------------------------------------------------------------

std::string_view Connection::protocol() const {
  if (session_ == nullptr) return {};
  if (http_) return "http";
  if (mqtt_) return peer_.websocket ? "mqtt-ws" : "mqtt";
  return peer_.websocket ? "amqp-ws" : "amqp";
}

std::unique_ptr<heads::WireLook> Connection::look(heads::OpenConnections::Looker looker) {
  struct Look final : heads::WireLook {
    explicit Look(std::shared_ptr<WireLookers> all) : lookers(std::move(all)) {}
    bool is_handling() const override { return lookers->handling; }

    std::shared_ptr<WireLookers> lookers;  // first: the listeners belong to it
    hub::Listeners<const heads::WirePacket&>::Listener packets;
    hub::Listeners<std::string_view>::Listener ends;
  };
  if (session_ == nullptr || http_) return nullptr;
  if (lookers_ == nullptr) {
    lookers_ = std::make_shared<WireLookers>();
    session_->tap(lookers_.get());
  }
  auto look = std::make_unique<Look>(lookers_);
  look->packets = lookers_->packets.add(std::move(looker.packet));
  look->ends = lookers_->ends.add(std::move(looker.ended));
  return look;
}

// ---- the end ------------------------------------------------------------------------------------------------------

void Connection::on_first_packet_deadline() {
  if (session_ == nullptr) {
    spdlog::info("{}: {} sent no complete TLS handshake and first bytes within {} s", peer_.connection_id,
                 peer_.remote_address, kFirstPacketTime.count());
    return drop("time-out");
  }
  if (http_) return on_idle_deadline();  // its session gives each request its time
  if (!answered_) {
    spdlog::info("{}: {} sent no complete packet within {} s", peer_.connection_id, peer_.remote_address,
                 kFirstPacketTime.count());
    return close("time-out");
  }
}

void Connection::on_idle_deadline() {
  const auto idle = std::chrono::steady_clock::now() - last_activity_;
  const bool at_work = session_ != nullptr && session_->is_at_work();
  if (idle >= kHttpIdleTime && !at_work) return close("idle");
  const auto rest = at_work ? kHttpIdleTime : kHttpIdleTime - idle;
  deadline_.set(std::chrono::ceil<std::chrono::milliseconds>(rest), [this] { run(&Connection::on_idle_deadline); });
}

/// While an answer waits to be taken, the client's pace counts: `written` of it have gone out now.
void Connection::watch_answer(std::size_t written) {
  answer_written_ += written;
  if (unsent() == 0 || (answer_watched_ && answer_written_ < kAnswerPart)) return;
  answer_watched_ = true;
  answer_written_ = 0;
  deadline_.set(kAnswerTime, [this] { run(&Connection::on_answer_deadline); });
}

void Connection::on_answer_deadline() {
  spdlog::info("{}: {} takes its answer too slowly", peer_.connection_id, peer_.remote_address);
  doom("the client does not read");
}

/// Aborts at the end of the turn: for places inside a session's or a hub's call.
void Connection::doom(std::string reason) {
  if (!doomed_reason_.empty()) return;
  doomed_reason_ = std::move(reason);
  mark();
}

void Connection::end_session(std::string_view reason) {
  const auto session = std::move(session_);
  if (session == nullptr) return;
  const auto lookers = std::move(lookers_);
  if (lookers != nullptr) lookers->handling = true;
  try {
    session->closed(reason);
  } catch (const storage::Error& error) {
    spdlog::error("{}: the storage failed: {}", peer_.connection_id, error.what());
    context_.loop.turn().fail(session->hub());
  } catch (const std::exception& bug) {
    spdlog::error("{}: a bug in the emulator: {} (please report this)", peer_.connection_id, bug.what());
  }
  if (lookers != nullptr) lookers->ends.tell(reason);
  context_.loop.turn().request();
}

/// All is written. The peer gets time to read it: closing at once, with bytes of its own still unread, would reset the
/// connection and take even the last packet (a CONNACK that says why) from it.
void Connection::finish_close() {
  end_session(close_reason_);
  transport_.shut_down();
  if (peer_ended_) return drop(close_reason_);
  stage_ = Stage::lingering;
  deadline_.set(kLingerTime, [this] { drop(close_reason_); });
  wait_readable();
}

void Connection::linger() {
  // A client that is told in the middle of its body that it is too large goes on sending for a while.
  constexpr std::size_t kMostDiscarded = std::size_t{8} * 1024 * 1024;
  const IoResult result = transport_.discard(context_.loop.read_buffer());
  lingered_ += result.bytes;
  const bool more = result.status == IoStatus::done || result.status == IoStatus::wants_read;
  if (!more || lingered_ > kMostDiscarded) return drop(close_reason_);
  wait_readable();
}

void Connection::transport_failed() {
  const IoFailure failure = transport_.failure();
  const std::string reason = failure.text();
  if (!failure.is_disconnect())
    spdlog::info("{}: the connection of {} failed: {}", peer_.connection_id, peer_.remote_address, reason);
  drop(reason);
}

void Connection::drop(std::string_view reason) {
  if (stage_ == Stage::closed) return;
  const auto self = shared_from_this();
  stage_ = Stage::closed;
  end_session(reason);
  spdlog::debug("{}: closed: {}", peer_.connection_id, reason);
  deadline_.cancel();
  transport_.close();
  context_.open.erase(self);
}

}  // namespace iothub::net
