// AMQP credit, windows, settlement and delivery tags byte by byte: where Microsoft's clients need more than AMQP 1.0
// asks for (amqp.md 1.3, whose letters the cases bear).
#include <doctest/doctest.h>

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "tests/wire/support/amqp_link.h"
#include "tests/wire/support/event_tables.h"
#include "tests/wire/support/http_link.h"
#include "tests/wire/support/shared_emulator.h"

namespace iothub::test {
namespace {

constexpr std::string_view kAttachTelemetry =
    R"([0 attach ("d2c" 43 false - - source ("me") target ("/devices/{d}/messages/events") - - 43)])";

/// The service's end of cloud-to-device messages.
class C2dLink {
 public:
  explicit C2dLink(const ServiceClient& service) : link_(shared_emulator(), {}) {
    link_.open();
    link_.put_token(service.authorization());
    link_.exchange(R"([0 attach ("send" 43 false - - source ("me") target ("/messages/devicebound") - - 43)])",
                   "[0 attach ?fields] [0 flow ?fields]");
  }
  /// Returns when the hub has it.
  void send(const std::string& to, std::string_view sections = "data `hot`") {
    link_.names()["number"] = amqp_uint(sent_++);
    link_.exchange(
        "[0 transfer (43 {number} #00 43 false) properties (\"m\" - \"" + to + "\") " + std::string(sections) + "]",
        (sent_ == 51 ? "[0 flow ?more_credit]" : "") +
            std::string("[0 disposition (true {number} - true accepted 45 -)]"));
  }

 private:
  AmqpLink link_;
  int sent_ = 0;
};

/// Stores telemetry, and attaches a reader to the first of its events, handle 0 of channel 0.
void read_telemetry(AmqpLink& link, ServiceClient& service, const Login& device, const std::string& messages,
                    std::string_view settle_modes = "50 00 50 00") {
  {
    AmqpLink sends(shared_emulator(), amqp_names(service, device));
    sends.open();
    sends.put_token(device.token());
    sends.exchange(kAttachTelemetry, "[0 attach ?fields] [0 flow ?fields]");
    sends.exchange(messages + "[0 end ()]", "[0 end ?fields]");
  }
  const std::vector<StoredEvent> events = stored_events(shared_database(), device.device);
  REQUIRE(!events.empty());
  link.names()["partition"] = std::to_string(events[0].partition);
  link.names()["before"] = std::to_string(events[0].sequence_number - 1);
  link.open();
  link.put_token(service.authorization());
  link.exchange("[0 attach (\"reader\" 43 true " + std::string(settle_modes) +
                    R"( source ("localhost/ConsumerGroups/$Default/Partitions/{partition}" - - - - - -
                           map('apache.org:selector-filter:string' 00 'apache.org:selector-filter:string'
                               "amqp.annotation.x-opt-sequence-number > '{before}'")) target ("me"))])",
                "[0 attach ?fields]");
}

constexpr std::string_view kThreeMessages =
    R"([0 transfer (43 43 #00 43 true) data `one`] [0 transfer (43 52 01 #01 43 true) data `two`]
       [0 transfer (43 52 02 #02 43 true) data `three`])";

/// The transfer of an event without properties.
std::string event(std::string_view id, std::string_view tag, std::string_view body) {
  return "[0 transfer (43 " + std::string(id) + " " + std::string(tag) +
         " 43 true - - - - - -) delivery-annotations ?runtime annotations ?annotations data `" + std::string(body) +
         "`]";
}

/// A lock token as .NET's Guid lays out its bytes, in notation.
std::string guid_tag(std::string_view lock_token) {
  std::string digits;
  for (const char c : lock_token)
    if (c != '-' && c != '"') digits += c;
  REQUIRE(digits.size() == 32);
  std::string tag = "#";
  for (const std::size_t byte : std::to_array<std::size_t>({3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15}))
    tag += digits.substr(2 * byte, 2);
  return tag;
}

/// Takes the feedback or file notification that waits, by a tag of 16 bytes, and completes it; its body.
std::string completed_notice(ServiceClient& service, const std::string& source, const std::string& kind) {
  AmqpLink link(shared_emulator(), {});
  link.open();
  link.put_token(service.authorization());
  link.exchange("[0 attach (\"notices\" 43 true 50 00 50 01 source (\"" + source + R"(") target ("me"))]
                   [0 flow (43 52 40 43 52 40 43 43 52 01)])",
                R"([0 attach ?fields]
                   [0 transfer (43 43 ?tag 43 - - - - - - -) annotations map('iothub-enqueuedtime' 83 ?time)
                      properties (- `localhost` - - - - 'application/vnd.microsoft.iothub.)" +
                    kind + R"(.json') data ?body])");
  CHECK(link.names()["tag"].size() == 33);
  link.exchange("[0 disposition (true 43 - false accepted ())]", "[0 disposition (false 43 - true accepted 45 -)]");
  return link.names()["body"];
}

}  // namespace

// ---- H: credit, windows and drain -----------------------------------------------------------------------------------

TEST_CASE("H1 a sender is given credit for 100 messages, and again when half of it is used") {
  // No client sends without credit: what an application gives it then waits, for ever if none comes.
  ServiceClient service(shared_emulator());
  AmqpLink link(shared_emulator(), amqp_names(service, service.create("amqp-h1")));
  link.open();
  link.put_token(link.names()["sas"]);
  link.exchange(kAttachTelemetry, "[0 attach ?fields] [0 flow (43 52 40 43 70 7fffffff 43 43 52 64 - false - -)]");
  std::string messages;
  for (int i = 0; i < 50; ++i) messages += "[0 transfer (43 " + amqp_uint(i) + " #00 43 true) data `x`]";
  link.send(messages);
  link.expect_silence();
  link.exchange("[0 transfer (43 52 32 #00 43 true) data `x`]",
                "[0 flow (52 33 52 40 43 70 7fffffff 43 52 33 52 64 - false - -)]");
}

TEST_CASE("H2 a receiver gets no more than its credit, then what new credit is for") {
  // .NET's service client attaches without credit and gives one for each ReceiveAsync; pyamqp's first flow is 0.
  ServiceClient service(shared_emulator());
  AmqpLink link(shared_emulator(), {});
  read_telemetry(link, service, service.create("amqp-h2"), std::string(kThreeMessages));
  link.send("[0 flow (43 52 40 43 52 40 43 43 43)]");
  link.expect_silence();
  link.exchange("[0 flow (43 52 40 43 52 40 43 43 52 02)]",
                event("43", hub_tag(2), "one") + event("52 01", hub_tag(3), "two"));
  link.expect_silence();
  link.exchange("[0 flow (52 02 52 40 43 52 40 43 52 02 52 01)]", event("52 02", hub_tag(4), "three"));
}

TEST_CASE("H3 a receiver gets no more than its session's window has room for") {
  // .NET ends the session of a peer that sends past it with amqp:session:window-violation (azure-amqp, AmqpSession).
  ServiceClient service(shared_emulator());
  AmqpLink link(shared_emulator(), {});
  read_telemetry(link, service, service.create("amqp-h3"), std::string(kThreeMessages));
  link.exchange("[0 flow (43 52 01 43 52 40 43 43 52 0a)]", event("43", hub_tag(2), "one"));
  link.expect_silence();
  link.exchange("[0 flow (52 01 52 02 43 52 40)]",
                event("52 01", hub_tag(3), "two") + event("52 02", hub_tag(4), "three"));
}

TEST_CASE("H4 drain sends what there is, then says that the credit is used up") {
  // rhea says receiver_drained, for which @azure/event-hubs waits, only of a flow with drain and no credit (link.js).
  ServiceClient service(shared_emulator());
  AmqpLink link(shared_emulator(), {});
  const Login device = service.create("amqp-h4");
  read_telemetry(link, service, device, std::string(kThreeMessages));
  link.exchange("[0 flow (43 52 40 43 52 40 43 43 52 08 - true)]",
                event("43", hub_tag(2), "one") + event("52 01", hub_tag(3), "two") +
                    event("52 02", hub_tag(4), "three") +
                    "[0 flow (43 52 40 52 03 70 7fffffff 43 52 08 43 - true - -)]");
  link.exchange("[0 flow (52 03 52 40 43 52 40 43 52 08 52 02 - true)]",
                "[0 flow (43 52 40 52 03 70 7fffffff 43 52 0a 43 - true - -)]");
  // A device's link, with nothing to send.
  AmqpLink of_device(shared_emulator(), amqp_names(service, device));
  of_device.open();
  of_device.put_token(of_device.names()["sas"]);
  of_device.exchange(R"([0 attach ("c2d" 43 true - - source ("/devices/{d}/messages/devicebound") target ("me"))]
                        [0 flow (43 52 40 43 52 40 43 43 52 02 - true)])",
                     "[0 attach ?fields] [0 flow (43 52 40 43 70 7fffffff 43 52 02 43 - true - -)]");
}

// ---- I, B, O: settlement, and what an event is made of --------------------------------------------------------------

TEST_CASE("I1 events are settled whatever the reader asks for, and come whole: no header, runtime annotations always") {
  // pyamqp and uamqp send no disposition for events. Proton does not show who desires the runtime annotations; the
  // clients read all of them by these types.
  ServiceClient service(shared_emulator());
  for (int number = 0; const std::string_view settle_modes : {"50 00 50 00", "50 02 50 01", "- -"}) {
    CAPTURE(settle_modes);
    AmqpLink link(shared_emulator(), {});
    const Login device = service.create("amqp-i1-" + std::to_string(++number));
    // Every section that AMQP has, as proton-j and .NET write them.
    read_telemetry(link, service, device,
                   R"([0 transfer (43 43 #00 43 true) header (true 50 04 70 0000ea60 - 43)
                         delivery-annotations map('x' "y") annotations map('iothub-interface-id' "dtmi:a:b;1")
                         properties ("id" `user` "/devices/x/messages/events" "subject" "reply" 98 00112233445566778899aabbccddeeff
                                     'text/plain' 'utf-8')
                         application-properties map("k" "v" "n" 71 00000007 "t" true) data `hot` footer map('x' "y")])",
                   settle_modes);
    link.exchange("[0 flow (43 52 40 43 52 40 43 43 52 05)]",
                  R"([0 transfer (43 43 #0200000000000000 43 true - - - - - -)
                        delivery-annotations map('last_enqueued_sequence_number' 81 ?number
                            'last_enqueued_offset' ?offset 'last_enqueued_time_utc' 83 ?time
                            'runtime_info_retrieval_time_utc' 83 ?now)
                        annotations map('iothub-connection-device-id' ?device
                            'iothub-connection-auth-method'
                                ~{"scope":"device","type":"sas","issuer":"iothub","acceptingIpFilterRule":null}~
                            'iothub-connection-auth-generation-id' ?generation 'iothub-enqueuedtime' 83 {time}
                            'iothub-message-source' "Telemetry" 'iothub-interface-id' "dtmi:a:b;1"
                            'x-opt-sequence-number' 81 {number}
                            'x-opt-offset' {offset} 'x-opt-enqueued-time' 83 {time})
                        properties ("id" `user` - - - "00112233-4455-6677-8899-aabbccddeeff" 'text/plain' 'utf-8')
                        application-properties map("k" "v" "n" "7" "t" "true") data `hot`])");
  }
}

TEST_CASE("I2 the hub answers a disposition with the outcome, settled, and says nothing to one that is settled") {
  // .NET's second settle mode completes a message only when the answer has a state (azure-amqp, ReceivingAmqpLink).
  struct Row {
    std::string_view outcome;
    std::string_view answer;
    bool comes_again;
  };
  constexpr auto kRows = std::to_array<Row>({
      {"accepted ()", "accepted 45", false},
      {"rejected ()", "rejected d0(-)", false},
      {"released ()", "released 45", true},
      {"modified (true)", "released 45", true},
  });
  ServiceClient service(shared_emulator());
  AmqpLink link(shared_emulator(), amqp_names(service, service.create("amqp-i2")));
  C2dLink back(service);
  link.open();
  link.put_token(link.names()["sas"]);
  link.exchange(R"([0 attach ("c2d" 43 true 50 00 50 01 source ("/devices/{d}/messages/devicebound") target ("me"))]
                   [0 flow (43 52 40 43 52 40 43 43 52 40)])",
                "[0 attach ?fields]");
  int number = 0;
  const auto next_message = [&] {
    return "[0 transfer (43 " + amqp_uint(number++) +
           " ?tag 43 - - - - - - -) annotations ?annotations properties ?properties data `hot`]";
  };
  for (const bool settled : {false, true}) {
    for (const Row& row : kRows) {
      CAPTURE(row.outcome);
      CAPTURE(settled);
      back.send("/devices/amqp-i2/messages/devicebound");
      link.expect(next_message());
      const std::string id = amqp_uint(number - 1);
      std::string answers;
      if (row.comes_again) answers += next_message();
      if (!settled) answers += "[0 disposition (false " + id + " - true " + std::string(row.answer) + " -)]";
      link.exchange(
          "[0 disposition (true " + id + " - " + (settled ? "true " : "false ") + std::string(row.outcome) + ")]",
          answers);
      if (row.comes_again) link.send("[0 disposition (true " + amqp_uint(number - 1) + " - true accepted ())]");
    }
  }
  link.exchange("[0 end ()]", "[0 end (-)]");  // and nothing else had come
}

TEST_CASE("I3 a message that the hub does not take is rejected with the whole error, and the link lives on") {
  // pyamqp reads all three fields of the error (client.py); the text is the service's (C# pull request 2089).
  ServiceClient service(shared_emulator());
  AmqpLink link(shared_emulator(), {});
  link.open();
  link.put_token(service.authorization());
  link.exchange(R"([0 attach ("send" 43 false - - source ("me") target ("/messages/devicebound") - - 43)])",
                "[0 attach ?fields] [0 flow ?fields]");
  link.exchange(R"([0 transfer (43 43 #00 43 false) properties ("m" - "/devices") data `hot`])",
                R"([0 disposition (true 43 - true rejected (error d0('amqp:not-allowed'
                      ~{"errorCode":400003,"trackingId":..,"message":"Amqp Message.Properties.To must contain the device identifier","timestampUtc":..}~
                      d1())) -)])");
  link.exchange(
      R"([0 transfer (43 52 01 #01 43 false) properties ("m" - "/devices/nobody/messages/devicebound") data `hot`])",
      R"([0 disposition (true 52 01 - true rejected d0(error d0('amqp:not-found'
            ~{"errorCode":404001,"trackingId":..,"message":"nobody","timestampUtc":..}~ d1())) -)])");
}

TEST_CASE("I4 what a link has not settled is released as it detaches") {
  // rhea writes an error for each that is settled without an outcome (message.js, unwrap_outcome).
  ServiceClient service(shared_emulator());
  AmqpLink link(shared_emulator(), amqp_names(service, service.create("amqp-i4")));
  C2dLink back(service);
  link.open();
  link.put_token(link.names()["sas"]);
  for (const bool closed : {true, false}) {
    CAPTURE(closed);
    link.exchange(
        R"([0 attach ("c2d" 43 true 50 00 50 00 source ("/devices/{d}/messages/devicebound") target ("me"))])",
        "[0 attach ?fields]");
    if (closed) back.send("/devices/amqp-i4/messages/devicebound");
    const std::string id = amqp_uint(closed ? 0 : 1);
    link.exchange("[0 flow (43 52 40 43 52 40 43 43 52 01)]",
                  "[0 transfer (43 " + id +
                      " ?tag 43 - - - - - - -) annotations ?annotations properties ?properties data `hot`]");
    const std::string flag = closed ? "true" : "-";
    link.exchange("[0 detach (43 " + flag + ")]",
                  "[0 disposition (false " + id + " - true released 45 -)] [0 detach (43 " + flag + " -)]");
  }
}

// ---- J: delivery tags are lock tokens -------------------------------------------------------------------------------

TEST_CASE("J1 a cloud-to-device message's tag is its lock token as a Guid's 16 bytes, another one each time") {
  // .NET makes the lock token of the tag by new Guid(byte[]) (AmqpIotReceivingLink); the annotation says it as text.
  ServiceClient service(shared_emulator());
  const Login device = service.create("amqp-j1");
  const Login module = service.create("amqp-j1", "m");
  C2dLink back(service);
  const auto receives = [&](const std::string& source, const std::string& to) {
    CAPTURE(source);
    AmqpLink link(shared_emulator(), {});
    link.open();
    link.put_token(service.authorization());
    link.exchange("[0 attach (\"c2d\" 43 true - - source (\"" + source + R"(") target ("me"))]
                     [0 flow (43 52 40 43 52 40 43 43 52 05)])",
                  "[0 attach ?fields]");
    back.send(to, R"(application-properties map("iothub-ack" "none" "k" "v") data `hot`)");
    std::string older;
    for (int number = 0; number < 2; ++number) {
      link.expect("[0 transfer (43 " + amqp_uint(number) + R"( ?tag 43 - - - - - - -)
                     annotations map('x-opt-sequence-number' 80 ?number 'x-opt-lock-token' ?lock
                                     'iothub-enqueuedtime' 83 ?time 'iothub-deliverycount' 50 0)" +
                  std::to_string(number) + R"() properties ("m" - ")" + to +
                  R"(") application-properties map("k" "v") data `hot`])");
      CHECK(link.names()["tag"] == guid_tag(link.names()["lock"]));
      CHECK(link.names()["tag"] != older);
      older = link.names()["tag"];
      link.send("[0 disposition (true " + amqp_uint(number) + " - true " + (number == 0 ? "released" : "accepted") +
                " ())]");
    }
  };
  receives("/devices/amqp-j1/messages/devicebound", "/devices/amqp-j1/messages/devicebound");
  receives("/devices/amqp-j1/modules/m/messages/devicebound", "/devices/amqp-j1/modules/m/messages/deviceBound");
  receives("/devices/amqp-j1/modules/m/messages/events", "/devices/amqp-j1/modules/m/messages/deviceBound");
}

TEST_CASE("J2 feedback has a tag of 16 bytes, the hub's name for user id, and an answer to its disposition") {
  // .NET's FeedbackReceiver makes a Guid of the tag and reads user id and enqueued time without looking for them.
  ServiceClient service(shared_emulator());
  AmqpLink link(shared_emulator(), amqp_names(service, service.create("amqp-j2")));
  C2dLink back(service);
  link.open();
  link.put_token(link.names()["sas"]);
  link.exchange(R"([0 attach ("c2d" 43 true - - source ("/devices/{d}/messages/devicebound") target ("me"))]
                   [0 flow (43 70 00000fff 43 52 40 43 43 52 40)])",
                "[0 attach ?fields]");
  for (int number = 0; number < 64; ++number) {  // a batch leaves at 64 records, or after 15 s
    back.send("/devices/amqp-j2/messages/devicebound", R"(application-properties map("iothub-ack" "full") data `hot`)");
    link.expect("[0 transfer (43 " + amqp_uint(number) +
                " ?tag ?format - - - - - - -) annotations ?a properties ?p application-properties ?ap data `hot`]");
    link.exchange("[0 disposition (true " + amqp_uint(number) + " - false accepted ())]", "[0 disposition ?fields]");
  }
  const std::string records = completed_notice(service, "/messages/serviceBound/feedback", "feedback");
  CHECK(records.starts_with(R"(`[{"originalMessageId":"m")"));
}

TEST_CASE("J3 a file notification has a tag of 16 bytes, and an answer to its disposition") {
  // .NET's FileNotificationReceiver reads it as feedback.
  ServiceClient service(shared_emulator());
  (void)service.create("amqp-j3");
  const nlohmann::json upload = service.must("POST", "/devices/amqp-j3/files", R"({"blobName":"a.txt"})");
  const auto text = [&](const char* name) { return upload.at(name).get<std::string>(); };
  const std::string host = text("hostName");
  HttpLink storage(service);
  storage.client.send("PUT " + host.substr(host.find('/')) + "/" + text("containerName") + "/" + text("blobName") +
                      text("sasToken") + " HTTP/1.1\r\nHost: " + host.substr(0, host.find('/')) +
                      "\r\nx-ms-blob-type: BlockBlob\r\nContent-Length: 3\r\n\r\nhot");
  REQUIRE(storage.read_response().status_line == "HTTP/1.1 201 Created");
  service.must("POST", "/devices/amqp-j3/files/notifications",
               R"({"correlationId":")" + text("correlationId") +
                   R"(","isSuccess":true,"statusCode":200,"statusDescription":"done"})");
  const std::string notification =
      completed_notice(service, "/messages/serviceBound/filenotifications", "filenotification");
  CHECK(notification.find(R"("deviceId":"amqp-j3")") != std::string::npos);
}

}  // namespace iothub::test
