package iothub.emulator.junit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.microsoft.azure.sdk.iot.device.DeviceClient;
import com.microsoft.azure.sdk.iot.device.IotHubClientProtocol;
import com.microsoft.azure.sdk.iot.service.exceptions.IotHubNotFoundException;
import com.microsoft.azure.sdk.iot.service.registry.Device;
import com.microsoft.azure.sdk.iot.service.registry.RegistryClient;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** A hub of one's own, used by Microsoft's SDKs, and all that a test may do with it. */
@ExtendWith(IotHubExtension.class)
class HubTest {
    private final List<DeviceClient> clients = new ArrayList<>();
    private Hub ofBeforeEach;

    @BeforeEach
    void begin(Hub hub) {
        ofBeforeEach = hub;
    }

    @AfterEach
    void closeClients() {
        clients.forEach(DeviceClient::close);
    }

    private DeviceClient connected(Hub hub, String deviceId, IotHubClientProtocol protocol) throws Exception {
        new RegistryClient(hub.connectionString()).addDevice(new Device(deviceId));
        DeviceClient client = new DeviceClient(hub.deviceConnectionString(deviceId), protocol);
        clients.add(client);
        client.open(false);
        return client;
    }

    private DeviceClient connected(Hub hub) throws Exception {
        return connected(hub, "d1", IotHubClientProtocol.MQTT);
    }

    private static void send(DeviceClient client, String body) throws Exception {
        client.sendEvent(new com.microsoft.azure.sdk.iot.device.Message(body));
    }

    private static List<String> bodies(List<Message> messages) {
        return messages.stream().map(Message::text).toList();
    }

    @Test
    void whatADeviceSendsIsWaitedFor(Hub hub) throws Exception {
        var message = new com.microsoft.azure.sdk.iot.device.Message("{\"temperature\": 21.5}");
        message.setContentType("application/json");
        message.setContentEncoding("utf-8");
        message.setProperty("level", "2");
        String before = hub.now();
        DeviceClient device = connected(hub);
        device.sendEvent(message);
        Message came = hub.messages().from("d1").property("level", "2").bodyValue("/temperature", 21.5).await();
        assertEquals(21.5, came.body().getAsJsonObject().get("temperature").getAsDouble());
        assertEquals("{\"temperature\": 21.5}", came.text());
        assertEquals(Map.of("level", "2"), came.properties());
        assertTrue(Duration.between(came.enqueuedTime(), Instant.now()).abs().toMinutes() < 1);
        String after = hub.now();
        send(device, "later");
        assertEquals(List.of("later"), bodies(hub.messages().since(after).await(1)));
        assertEquals(2, hub.messages().since(before).await(2).size());
        assertEquals(List.of(), hub.messages().from("nobody").now());
    }

    @Test
    void messagesThatDoNotComeFailTheTestAndSayWhatCame(Hub hub) throws Exception {
        send(connected(hub, "d1", IotHubClientProtocol.AMQPS), "only this");
        MessageQuery query = hub.messages().from("d1").within(Duration.ofMillis(100));
        MessagesMissing failure = assertThrows(MessagesMissing.class, () -> query.await(2));
        assertEquals(List.of("only this"), bodies(failure.came));
        assertTrue(failure.getMessage().startsWith("1 of 2 messages came to " + hub.name()), failure.getMessage());
        assertTrue(failure.getMessage().contains("only this"), failure.getMessage());
    }

    @RepeatedTest(2)
    void eachTestBeginsWithAnEmptyHub(Hub hub) throws Exception {
        assertEquals(hub, ofBeforeEach);
        assertEquals(List.of(), hub.messages().now());
        connected(hub);
        assertEquals(List.of("d1"), hub.connected());
    }

    @Test
    void hubsNeverSeeEachOther(Hub hub, @Shared Hub shared, Emulator emulator) throws Exception {
        try (Hub third = emulator.newHub()) {
            for (Hub each : List.of(hub, shared, third)) {
                send(connected(each, "same-name", IotHubClientProtocol.MQTT_WS), "for " + each.name());
            }
            for (Hub each : List.of(hub, shared, third)) {
                assertEquals(List.of("for " + each.name()), bodies(each.messages().now()));
                assertEquals(List.of("same-name"), each.connected());
            }
            assertNotEquals(hub.name(), third.name());
        }
    }

    @Test
    void aProgramFindsTheHubByItsEnvironment(Hub hub) {
        Map<String, String> environment = hub.environment();
        assertEquals(hub.connectionString(), environment.get("IOTHUB_CONNECTION_STRING"));
        assertTrue(environment.get("JAVA_TOOL_OPTIONS").contains("-Djavax.net.ssl.trustStore="));
        assertTrue(environment.containsKey("SSL_CERT_FILE"));
    }

    @Test
    void theClockIsInTheHandOfTheTest(Hub hub) {
        hub.clock().freeze(Instant.parse("2030-01-02T03:04:05Z"));
        assertTrue(hub.clock().frozen());
        assertEquals(Instant.parse("2030-01-02T04:04:05Z"), hub.clock().advance(Duration.ofHours(1)));
        assertEquals(Instant.parse("2031-01-01T00:00:00Z"), hub.clock().set(Instant.parse("2031-01-01T00:00:00Z")));
        hub.clock().resume();
        assertFalse(hub.clock().frozen());
        assertTrue(Duration.between(hub.clock().resumeReal(), Instant.now()).abs().toMinutes() < 1);
    }

    @Test
    void aFaultStrikesUntilItIsClosed(Hub hub) throws Exception {
        RegistryClient registry = new RegistryClient(hub.connectionString());
        registry.addDevice(new Device("d1"));
        try (Fault fault = hub.fault("status", Map.of("status", 404, "operation", "get device", "protocol", "http"))) {
            assertThrows(IotHubNotFoundException.class, () -> registry.getDevice("d1"));
            assertEquals(1, fault.struck().getAsLong());
        }
        assertEquals("d1", registry.getDevice("d1").getDeviceId());
    }

    @Test
    void aHubIsResetRestoredAndCopied(Hub hub, Emulator emulator) throws Exception {
        send(connected(hub), "before");
        hub.save("java");
        hub.reset();
        assertEquals(List.of(), hub.messages().now());
        hub.restore("java");
        assertEquals(List.of("before"), bodies(hub.messages().now()));
        try (Hub copy = emulator.newHub("java")) {
            assertEquals(List.of("before"), bodies(copy.messages().now()));
        }
    }

    @Test
    void aRefusalIsExplained(Hub hub) {
        assertThrows(IotHubNotFoundException.class, () -> new RegistryClient(hub.connectionString()).getDevice("nobody"));
        assertTrue(hub.refusals().toString().contains("nobody"));
        ControlException refusal = assertThrows(ControlException.class, () -> hub.deviceConnectionString("nobody"));
        assertEquals(404, refusal.status);
        assertEquals(404001, refusal.code);
    }
}
