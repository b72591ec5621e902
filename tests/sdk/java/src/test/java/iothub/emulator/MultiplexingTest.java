package iothub.emulator;

import static iothub.emulator.Hub.eventually;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.microsoft.azure.sdk.iot.device.DeviceClient;
import com.microsoft.azure.sdk.iot.device.IotHubClientProtocol;
import com.microsoft.azure.sdk.iot.device.IotHubMessageResult;
import com.microsoft.azure.sdk.iot.device.Message;
import com.microsoft.azure.sdk.iot.device.MultiplexingClient;
import com.microsoft.azure.sdk.iot.device.exceptions.IotHubClientException;
import com.microsoft.azure.sdk.iot.device.twin.DirectMethodResponse;
import com.microsoft.azure.sdk.iot.service.messaging.IotHubServiceClientProtocol;
import com.microsoft.azure.sdk.iot.service.messaging.MessagingClient;
import com.microsoft.azure.sdk.iot.service.registry.Device;
import com.microsoft.azure.sdk.iot.service.registry.DeviceConnectionState;
import com.microsoft.azure.sdk.iot.service.registry.DeviceStatus;
import com.microsoft.azure.sdk.iot.service.registry.RegistryClient;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Many devices on one AMQP connection: each has its own session, token and links. */
class MultiplexingTest {
    private static final int DEVICES = 5;

    /** The devices of one connection. */
    private static final class Connection implements AutoCloseable {
        final List<Party> parties = new ArrayList<>();
        final MultiplexingClient client;

        Connection(IotHubClientProtocol protocol) throws Exception {
            client = new MultiplexingClient(Hub.HOST, protocol);
            for (int i = 0; i < DEVICES; ++i) parties.add(new Party(Hub.Kind.DEVICE, protocol));
            client.registerDeviceClients(parties.stream().map(Connection::device).toList());
            client.open(false);
        }

        static DeviceClient device(Party party) {
            return (DeviceClient) party.client;
        }

        void allSend(String body) throws Exception {
            for (Party party : parties) party.client.sendEvent(new Message(body));
        }

        @Override
        public void close() {
            client.close();
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"AMQPS", "AMQPS_WS"})
    void everyDeviceOfAConnectionHasTelemetryMessagesAndMethods(IotHubClientProtocol protocol) throws Exception {
        MessagingClient service = new MessagingClient(Hub.CONNECTION_STRING, IotHubServiceClientProtocol.AMQPS);
        service.open();
        try (Connection connection = new Connection(protocol)) {
            connection.allSend("multiplexed");
            Map<String, String> received = new ConcurrentHashMap<>();
            for (Party party : connection.parties) {
                assertEquals("multiplexed", Telemetry.body(Telemetry.of(party.deviceId, 1).get(0)));
                Connection.device(party)
                        .setMessageCallback(
                                (message, context) -> {
                                    received.put(party.deviceId, new String(message.getBytes()));
                                    return IotHubMessageResult.COMPLETE;
                                },
                                null);
                party.client.subscribeToMethods(
                        (name, payload, context) -> new DirectMethodResponse(200, party.deviceId), null);
            }
            for (Party party : connection.parties) {
                service.send(
                        party.deviceId,
                        new com.microsoft.azure.sdk.iot.service.messaging.Message("to " + party.deviceId));
                assertEquals(party.deviceId, party.invoke("who", 1).getPayload(String.class));
            }
            eventually("all messages come", () -> received.size() == DEVICES);
            received.forEach((deviceId, body) -> assertEquals("to " + deviceId, body));
        } finally {
            service.close();
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"AMQPS", "AMQPS_WS"})
    void everyDeviceOfAConnectionHasItsTwin(IotHubClientProtocol protocol) throws Exception {
        try (Connection connection = new Connection(protocol)) {
            Map<String, Object> heard = new ConcurrentHashMap<>();
            for (Party party : connection.parties) {
                party.client.subscribeToDesiredProperties(
                        (twin, context) -> heard.put(party.deviceId, twin.getDesiredProperties().get("id")), null);
                party.report("id", party.deviceId);
            }
            for (Party party : connection.parties) {
                assertEquals(party.deviceId, party.twin().getReportedProperties().get("id"));
                party.patchDesired("id", party.deviceId);
            }
            eventually("all desired changes are heard", () -> heard.size() == DEVICES);
            heard.forEach((deviceId, id) -> assertEquals(deviceId, id));
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"AMQPS", "AMQPS_WS"})
    void aDeviceJoinsAndLeavesALiveConnection(IotHubClientProtocol protocol) throws Exception {
        try (Connection connection = new Connection(protocol)) {
            RegistryClient registry = Hub.registry();
            Party leaving = connection.parties.remove(0);
            connection.client.unregisterDeviceClient(Connection.device(leaving));
            eventually(
                    "it is shown disconnected",
                    () -> registry.getDevice(leaving.deviceId).getConnectionState() == DeviceConnectionState.Disconnected);
            Party joining = new Party(Hub.Kind.DEVICE, protocol);
            connection.client.registerDeviceClient(Connection.device(joining));
            connection.parties.add(joining);
            connection.allSend("after it left");
            for (Party party : connection.parties) Telemetry.of(party.deviceId, 1);
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"AMQPS"})
    void disablingOneDeviceLeavesTheOthersAlone(IotHubClientProtocol protocol) throws Exception {
        try (Connection connection = new Connection(protocol)) {
            connection.allSend("before");
            RegistryClient registry = Hub.registry();
            Party disabled = connection.parties.remove(0);
            Device device = registry.getDevice(disabled.deviceId);
            device.setStatus(DeviceStatus.Disabled);
            registry.updateDevice(device);
            assertEquals(
                    DeviceConnectionState.Disconnected,
                    registry.getDevice(disabled.deviceId).getConnectionState());
            // The hub ends that device's links only. This SDK asks for a new token in vain and then connects the rest
            // anew, so that a message may come twice.
            connection.allSend("after");
            for (Party party : connection.parties) Telemetry.of(party.deviceId, 2);
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"AMQPS"})
    void aDeviceWithAWrongKeyIsRefusedAndTheOthersStay(IotHubClientProtocol protocol) throws Exception {
        try (Connection connection = new Connection(protocol)) {
            Party wrong = new Party(Hub.Kind.DEVICE, protocol, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
            assertThrows(
                    IotHubClientException.class,
                    () -> connection.client.registerDeviceClient(Connection.device(wrong)));
            connection.allSend("still here");
            assertTrue(connection.client.getRegisteredDeviceCount() >= DEVICES);
        }
    }
}
