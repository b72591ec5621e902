package iothub.emulator;

import static iothub.emulator.Hub.eventually;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.microsoft.azure.sdk.iot.device.DeviceClient;
import com.microsoft.azure.sdk.iot.device.IotHubClientProtocol;
import com.microsoft.azure.sdk.iot.device.IotHubMessageResult;
import com.microsoft.azure.sdk.iot.device.Message;
import com.microsoft.azure.sdk.iot.service.messaging.IotHubServiceClientProtocol;
import com.microsoft.azure.sdk.iot.service.messaging.MessagingClient;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Cloud-to-device messages: sent by the service's client over AMQP, settled by the device's callback. */
class C2dTest {
    private static final MessagingClient SERVICE =
            new MessagingClient(Hub.CONNECTION_STRING, IotHubServiceClientProtocol.AMQPS);

    private final List<Message> received = new CopyOnWriteArrayList<>();

    @BeforeAll
    static void open() throws Exception {
        SERVICE.open();
    }

    @AfterAll
    static void close() throws Exception {
        SERVICE.close();
    }

    private static void send(String deviceId, String body) throws Exception {
        var message = new com.microsoft.azure.sdk.iot.service.messaging.Message(body);
        message.setMessageId(body);
        message.setCorrelationId("c/1");
        message.setProperties(Map.of("level", "3"));
        SERVICE.send(deviceId, message);
    }

    /** The first message is answered so, all others are completed. */
    private void listen(Party party, IotHubMessageResult first) {
        ((DeviceClient) party.client)
                .setMessageCallback(
                        (message, context) -> {
                            received.add(message);
                            return received.size() == 1 ? first : IotHubMessageResult.COMPLETE;
                        },
                        null);
    }

    private List<String> bodies() {
        return received.stream().map(message -> new String(message.getBytes(), StandardCharsets.UTF_8)).toList();
    }

    private static void eventuallyAllSettled(Party party) throws Exception {
        eventually(
                "the queue is empty",
                () -> Hub.registry().getDevice(party.deviceId).getCloudToDeviceMessageCount() == 0);
    }

    @ParameterizedTest
    @EnumSource(names = {"MQTT", "MQTT_WS", "HTTPS", "AMQPS", "AMQPS_WS"})
    void messagesWaitForTheirDeviceAndComeInOrder(IotHubClientProtocol protocol) throws Exception {
        try (Party party = new Party(Hub.Kind.DEVICE, protocol)) {
            List<String> bodies = List.of("first", "second", "third");
            for (String body : bodies) send(party.deviceId, body);
            assertEquals(3, Hub.registry().getDevice(party.deviceId).getCloudToDeviceMessageCount());
            listen(party, IotHubMessageResult.COMPLETE);
            party.client.open(false);
            eventually("all come", () -> received.size() == 3);
            assertEquals(bodies, bodies());
            Message message = received.get(0);
            assertEquals("first", message.getMessageId());
            assertEquals("c/1", message.getCorrelationId());
            assertEquals("3", message.getProperty("level"));
            eventuallyAllSettled(party);
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"HTTPS", "AMQPS"})
    void whatADeviceAbandonsComesAgain(IotHubClientProtocol protocol) throws Exception {
        try (Party party = new Party(Hub.Kind.DEVICE, protocol)) {
            send(party.deviceId, "again");
            listen(party, IotHubMessageResult.ABANDON);
            party.client.open(false);
            eventually("it comes twice", () -> received.size() == 2);
            assertEquals(List.of("again", "again"), bodies());
            eventuallyAllSettled(party);
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"HTTPS", "AMQPS"})
    void whatADeviceRejectsDoesNotComeAgain(IotHubClientProtocol protocol) throws Exception {
        try (Party party = new Party(Hub.Kind.DEVICE, protocol)) {
            send(party.deviceId, "rejected");
            send(party.deviceId, "wanted");
            listen(party, IotHubMessageResult.REJECT);
            party.client.open(false);
            eventually("both come", () -> received.size() == 2);
            assertEquals(List.of("rejected", "wanted"), bodies());
            eventuallyAllSettled(party);
        }
    }
}
