#include "emulator/app/event_client.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <deque>
#include <map>
#include <set>
#include <span>
#include <utility>

#include "emulator/app/sas.h"
#include "protocol/amqp/client.h"
#include "protocol/amqp/message.h"
#include "protocol/text/timestamp.h"

namespace iothub::app {
namespace {

using std::chrono::steady_clock;

constexpr int kCredit = 100;
constexpr std::chrono::hours kTokenLife{24 * 365};
constexpr std::chrono::seconds kAnswerTime{10};
constexpr std::chrono::milliseconds kTick{500};

struct FreeAddresses {
  void operator()(addrinfo* addresses) const { ::freeaddrinfo(addresses); }
};

/// Tries every address of the name.
int connect_to(const EventHubString& hub) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(hub.host.c_str(), std::to_string(hub.port).c_str(), &hints, &found); error != 0) {
    throw EventClientError("'" + hub.host + "' cannot be looked up: " + ::gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, FreeAddresses> addresses(found);
  std::string failure;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    const int descriptor = ::socket(each->ai_family, each->ai_socktype | SOCK_CLOEXEC, each->ai_protocol);
    if (descriptor >= 0 && ::connect(descriptor, each->ai_addr, each->ai_addrlen) == 0) return descriptor;
    failure = std::strerror(errno);
    if (descriptor >= 0) ::close(descriptor);
  }
  throw EventClientError("no event hub answers at " + hub.host + " port " + std::to_string(hub.port) + ": " + failure);
}

std::optional<amqp::Client::Trust> trust(const EventHubString& hub,
                                         const std::vector<std::filesystem::path>& ca_files) {
  if (hub.plain) return std::nullopt;
  std::error_code unreadable;
  for (const auto& file : ca_files) {
    if (std::filesystem::exists(file, unreadable)) return amqp::Client::Trust{hub.host, file.string()};
  }
  throw EventClientError("no CA file to check the hub's certificate by (give --ca-dir or SSL_CERT_FILE)");
}

}  // namespace

class EventClient::Connection final : private amqp::ClientHandler {
 public:
  Connection(const EventHubString& hub, const std::vector<std::filesystem::path>& ca_files)
      : client_(*this, hub.host, trust(hub, ca_files)), socket_(connect_to(hub)) {}
  ~Connection() override { ::close(socket_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// A request to `$cbs` or `$management` and its answer.
  amqp::Message ask(const std::string& node, amqp::Message request) {
    const amqp::LinkId sender = client_.open_sender(node);
    const amqp::LinkId receiver = client_.open_receiver(node, {}, 1);
    await(sender);
    await(receiver);
    request.message_id = "request-" + std::to_string(++requests_);
    request.reply_to = node;
    client_.send(sender, amqp::encode(request));
    const auto deadline = steady_clock::now() + kAnswerTime;
    while (messages_.empty()) pump(deadline);
    const std::optional<amqp::Message> answer = amqp::parse_message(messages_.front().second);
    messages_.pop_front();
    if (!answer) throw EventClientError("the hub's answer cannot be read");
    const amqp::Value* status = amqp::find(answer->application_properties, "status-code");
    if (status == nullptr || amqp::integer_of(*status).value_or(0) / 100 != 2) {
      const amqp::Value* text = amqp::find(answer->application_properties, "status-description");
      throw EventClientError("the hub refuses: " + (text == nullptr ? "" : amqp::text_of(*text).value_or("")));
    }
    return *answer;
  }

  void open_partition(int partition, const std::string& source, const std::string& selector) {
    const amqp::LinkId link = client_.open_receiver(source, selector, kCredit);
    partitions_[link] = partition;
    await(link);
  }

  void read(const std::function<void(int, const amqp::Message&)>& take, const std::function<bool()>& is_enough) {
    while (!is_enough()) {
      while (!messages_.empty() && !is_enough()) {
        const auto [link, bytes] = std::move(messages_.front());
        messages_.pop_front();
        if (const auto event = amqp::parse_message(bytes)) take(partitions_.at(link), *event);
      }
      if (!is_enough()) pump(steady_clock::time_point::max());
    }
  }

 private:
  void opened(amqp::LinkId link) override { opened_.insert(link); }
  void message(amqp::LinkId link, std::string_view bytes) override { messages_.emplace_back(link, bytes); }
  void ended(amqp::LinkId, const std::string& reason) override { ended_ = reason.empty() ? "a link ended" : reason; }

  void await(amqp::LinkId link) {
    const auto deadline = steady_clock::now() + kAnswerTime;
    while (!opened_.contains(link)) pump(deadline);
  }

  /// Writes, waits for bytes, and takes them.
  void pump(steady_clock::time_point deadline) {
    client_.tick(std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now().time_since_epoch()).count());
    flush();
    if (client_.finished()) throw EventClientError("the hub ended the connection: " + client_.end_reason());
    if (!ended_.empty()) throw EventClientError("the hub refuses: " + ended_);
    if (steady_clock::now() >= deadline) throw EventClientError("the hub does not answer");
    pollfd wait{socket_, POLLIN, 0};
    if (::poll(&wait, 1, static_cast<int>(kTick.count())) <= 0) return;
    const ssize_t size = ::recv(socket_, buffer_.data(), buffer_.size(), 0);
    if (size < 0 && errno == EINTR) return;
    if (size <= 0) throw EventClientError("the hub closed the connection");
    client_.receive(std::as_bytes(std::span(buffer_).first(static_cast<std::size_t>(size))));
    flush();
  }

  void flush() {
    std::string out;
    client_.write(out);
    for (std::string_view rest = out; !rest.empty();) {
      const ssize_t size = ::send(socket_, rest.data(), rest.size(), MSG_NOSIGNAL);
      if (size < 0 && errno == EINTR) continue;
      if (size <= 0) throw EventClientError("the hub closed the connection");
      rest.remove_prefix(static_cast<std::size_t>(size));
    }
  }

  amqp::Client client_;
  int socket_;
  std::vector<char> buffer_ = std::vector<char>(65536);
  std::set<amqp::LinkId> opened_;
  std::deque<std::pair<amqp::LinkId, std::string>> messages_;
  std::map<amqp::LinkId, int> partitions_;
  std::string ended_;
  int requests_ = 0;
};

EventClient::EventClient(EventHubString hub, const std::vector<std::filesystem::path>& ca_files)
    : hub_(std::move(hub)), connection_(std::make_unique<Connection>(hub_, ca_files)) {
  const auto expiry = std::chrono::system_clock::now() + kTokenLife;
  amqp::Message request;
  amqp::add_string(request.application_properties, "operation", std::string("put-token"));
  amqp::add_string(request.application_properties, "type", std::string("servicebus.windows.net:sastoken"));
  amqp::add_string(request.application_properties, "name", "sb://" + hub_.host + "/" + hub_.event_hub);
  request.value = sas_token(hub_.host, hub_.policy, hub_.key,
                            std::chrono::duration_cast<std::chrono::seconds>(expiry.time_since_epoch()).count());
  connection_->ask("$cbs", std::move(request));
}

EventClient::~EventClient() = default;

void EventClient::open(const std::string& consumer_group, const std::string& selector) {
  amqp::Message request;
  amqp::add_string(request.application_properties, "operation", std::string("READ"));
  amqp::add_string(request.application_properties, "type", std::string("com.microsoft:eventhub"));
  amqp::add_string(request.application_properties, "name", hub_.event_hub);
  const amqp::Message answer = connection_->ask("$management", std::move(request));
  const auto* properties = answer.value ? std::get_if<amqp::Map>(&*answer.value) : nullptr;
  const amqp::Value* count = properties == nullptr ? nullptr : amqp::find(*properties, "partition_count");
  if (count == nullptr) throw EventClientError("the hub does not tell its partitions");
  for (int partition = 0; partition < amqp::integer_of(*count).value_or(0); ++partition) {
    connection_->open_partition(
        partition, hub_.event_hub + "/ConsumerGroups/" + consumer_group + "/Partitions/" + std::to_string(partition),
        selector);
  }
}

void EventClient::read(const std::function<void(int, const amqp::Message&)>& take,
                       const std::function<bool()>& is_enough) {
  connection_->read(take, is_enough);
}

std::optional<std::string> event_selector(std::string_view from) {
  if (from == "beginning") return "amqp.annotation.x-opt-offset > '-1'";
  if (from == "now") return "amqp.annotation.x-opt-offset > '@latest'";
  const std::optional<Timestamp> time = text::parse_iso_time(from);
  if (!time) return std::nullopt;
  return "amqp.annotation.x-opt-enqueued-time >= '" + std::to_string(time->unix_milliseconds()) + "'";
}

}  // namespace iothub::app
