#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/amqp_client.h"
#include "bench/connection.h"
#include "bench/cost.h"
#include "bench/devices.h"
#include "bench/measured.h"
#include "bench/scenarios.h"

namespace iothub::bench {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kEventBytes = 256;
constexpr int kReaderCredit = 1000;
constexpr int kPartitions = 4;  // a hub's, as it comes

using AmqpClients = std::vector<std::unique_ptr<AmqpClient>>;

std::string queue_of(std::size_t number) {
  return "/queue/bench-" + std::to_string(number);
}

amqp::Message event(std::string body) {
  amqp::Message message;
  message.data = {std::move(body)};
  return message;
}

/// A connection of a back end.
std::unique_ptr<AmqpClient> connect_service(EventLoop& loop, const Target& target, const std::string& audience) {
  auto client = std::make_unique<AmqpClient>(loop, target.amqps());
  client->open();
  bool ready = !target.is_hub();
  if (!ready) client->put_token(audience, target.service_token(), [&ready] { ready = true; });
  loop.run_until([&] { return ready && client->is_open(); }, kLimit, "a service connects over AMQP");
  return client;
}

amqp::LinkId open_sender(EventLoop& loop, AmqpClient& client, const std::string& target) {
  bool open = false;
  const amqp::LinkId link = client.open_sender(target, [&open] { open = true; });
  loop.run_until([&open] { return open; }, kLimit, "a sender opens");
  return link;
}

/// Over MQTT, from ten devices, so that the events lie in several partitions.
void store_in_hub(EventLoop& loop, const Target& hub, std::size_t events) {
  constexpr std::size_t kSenders = 10;
  constexpr std::size_t kWindow = 50;
  Devices devices = connect_devices(loop, hub, hub.mqtts(), kSenders);
  const std::string payload(kEventBytes, '{');
  std::size_t sent = 0;
  std::size_t stored = 0;
  for (std::size_t i = 0; i < kSenders; ++i) {
    const auto publish = [&, i] {
      if (sent++ < events) devices[i]->publish(Target::telemetry_topic(i), payload);
    };
    devices[i]->on_puback = [&stored, publish](std::uint16_t) {
      ++stored;
      publish();
    };
    for (std::size_t n = 0; n < kWindow; ++n) publish();
  }
  loop.run_until([&] { return stored == events; }, kLimit, "events are stored");
}

void store_in_broker(EventLoop& loop, const Target& broker, std::size_t queues, std::size_t events) {
  const auto client = connect_service(loop, broker, {});
  const std::string payload(kEventBytes, '{');
  for (std::size_t queue = 0; queue < queues; ++queue) {
    const amqp::LinkId link = open_sender(loop, *client, queue_of(queue));
    for (std::size_t i = 0; i < events; ++i) {
      client->send_message(link, event(payload));
      if (i % 100 == 0) loop.poll(0ms);
    }
  }
  loop.run_for(2s);  // it says nothing of messages that were sent as settled
}

}  // namespace

Figures event_reading(const Target& target, const EventReading& load) {
  EventLoop loop;
  const auto begun = std::chrono::system_clock::now();
  if (target.is_hub()) {
    store_in_hub(loop, target, load.events);
  } else {
    store_in_broker(loop, target, load.readers, load.events);
  }
  const std::string selector =
      "amqp.annotation.x-opt-enqueued-time >= '" +
      std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(begun.time_since_epoch()).count()) + "'";
  AmqpClients readers;
  for (std::size_t i = 0; i < load.readers; ++i) {
    readers.push_back(connect_service(loop, target, "sb://" + target.host_name() + "/" + target.event_hub()));
  }
  std::size_t read = 0;
  for (auto& reader : readers) reader->on_message = [&read](std::string_view) { ++read; };
  const Measured measured(target.process());
  for (std::size_t i = 0; i < load.readers; ++i) {
    if (!target.is_hub()) {
      readers[i]->open_receiver(queue_of(i), {}, kReaderCredit, nullptr);
      continue;
    }
    for (int partition = 0; partition < kPartitions; ++partition) {
      readers[i]->open_receiver(target.event_hub() + "/ConsumerGroups/$Default/Partitions/" + std::to_string(partition),
                                selector, kReaderCredit, nullptr);
    }
  }
  const std::size_t wanted = load.readers * load.events;
  loop.run_until([&] { return read >= wanted; }, kLimit, "events are read");
  return measured.rate(read);
}

Figures cloud_to_device(const Target& target, const CloudToDevice& load) {
  EventLoop loop;
  const auto service = connect_service(loop, target, "amqps://" + target.host_name() + "/messages/devicebound");
  std::vector<amqp::LinkId> links;
  if (target.is_hub()) {
    links.assign(load.devices, open_sender(loop, *service, "/messages/devicebound"));
  } else {
    for (std::size_t i = 0; i < load.devices; ++i) links.push_back(open_sender(loop, *service, queue_of(i)));
  }
  Timed timed;
  // Of each receiver, oldest first: they keep the order.
  std::vector<std::vector<std::int64_t>> sent_ns(load.devices, std::vector<std::int64_t>(load.in_flight));
  std::vector<std::size_t> sent(load.devices), received(load.devices);
  const std::string payload(kEventBytes, '{');
  const auto send = [&](std::size_t i) {
    sent_ns[i][sent[i]++ % load.in_flight] = now_ns();
    amqp::Message message = event(payload);
    if (target.is_hub()) message.to = "/devices/" + Target::device_id(i) + "/messages/devicebound";
    service->send_message(links[i], message);
  };
  const auto arrived = [&](std::size_t i) {
    timed.add(now_ns() - sent_ns[i][received[i]++ % load.in_flight]);
    send(i);
  };
  Devices devices;
  AmqpClients readers;
  if (target.is_hub()) {
    devices = connect_devices(loop, target, target.mqtts(), load.devices, [](std::size_t device) {
      return "devices/" + Target::device_id(device) + "/messages/devicebound/#";
    });
    for (std::size_t i = 0; i < load.devices; ++i) devices[i]->on_publish = [&, i](std::string_view) { arrived(i); };
  } else {
    for (std::size_t i = 0; i < load.devices; ++i) {
      readers.push_back(connect_service(loop, target, {}));
      readers[i]->on_message = [&, i](std::string_view) { arrived(i); };
      readers[i]->open_receiver(queue_of(i), {}, kReaderCredit, nullptr);
    }
  }
  for (std::size_t i = 0; i < load.devices; ++i) {
    for (std::size_t n = 0; n < load.in_flight; ++n) send(i);
  }
  const auto run_for = [&loop](Seconds time) { loop.run_for(time); };
  return measure(target.process(), timed, run_for, load.warm_up, load.duration);
}

Figures idle_amqp_memory(const Target& target) {
  EventLoop loop;
  const long before = resident_kib(target.process());
  AmqpClients devices;
  std::size_t up = 0;
  const auto open_links = [&](std::size_t i) {
    const std::string path = target.is_hub() ? "/devices/" + Target::device_id(i) : queue_of(i);
    const std::string to = target.is_hub() ? path + "/messages/events" : path;
    const std::string from = target.is_hub() ? path + "/messages/devicebound" : path;
    devices[i]->open_sender(to, [&, i, from] { devices[i]->open_receiver(from, {}, 1, [&up] { ++up; }); });
  };
  for (std::size_t i = 0; i < kDevices; ++i) devices.push_back(std::make_unique<AmqpClient>(loop, target.amqps()));
  const auto open = [&](std::size_t i) {
    devices[i]->open();
    if (!target.is_hub()) {
      open_links(i);
      return;
    }
    const std::string audience = target.host_name() + "/devices/" + Target::device_id(i);
    devices[i]->put_token(audience, target.device_token(i), [&, i] { open_links(i); });
  };
  open_all(loop, kDevices, open, [&up] { return up; });
  loop.run_for(1s);  // what the server frees a little later is not the price of a connection
  return memory_each(before, resident_kib(target.process()));
}

}  // namespace iothub::bench
