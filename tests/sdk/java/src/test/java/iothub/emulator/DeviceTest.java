package iothub.emulator;

import static iothub.emulator.Hub.eventually;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.microsoft.azure.sdk.iot.device.ClientOptions;
import com.microsoft.azure.sdk.iot.device.DeviceClient;
import com.microsoft.azure.sdk.iot.device.IotHubClientProtocol;
import com.microsoft.azure.sdk.iot.device.IotHubStatusCode;
import com.microsoft.azure.sdk.iot.device.Message;
import com.microsoft.azure.sdk.iot.device.ModuleClient;
import com.microsoft.azure.sdk.iot.device.exceptions.IotHubClientException;
import com.microsoft.azure.sdk.iot.device.twin.DirectMethodResponse;
import com.microsoft.azure.sdk.iot.service.registry.Device;
import com.microsoft.azure.sdk.iot.service.twin.TwinClient;
import com.microsoft.azure.sdk.iot.service.twin.TwinCollection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** What a device or module does, over every protocol that can. */
class DeviceTest {
    private static final String LINKS = "iothub.emulator.Hub#links";
    private static final String WRONG_KEY = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

    private static void sendsTelemetry(Party party) throws Exception {
        Message message = new Message("{\"temperature\":21.5}");
        message.setContentType("application/json");
        message.setContentEncoding("utf-8");
        message.setMessageId("m/1 a");
        message.setProperty("level", "value & more");
        party.client.sendEvent(message);
        JsonObject event = Telemetry.of(party.deviceId, 1).get(0);
        assertEquals("{\"temperature\":21.5}", event.get("Body").toString());
        assertEquals("value & more", event.getAsJsonObject("Properties").get("level").getAsString());
        JsonObject system = event.getAsJsonObject("SystemProperties");
        assertEquals("m/1 a", system.get("messageId").getAsString());
        assertEquals("application/json", system.get("contentType").getAsString());
    }

    @ParameterizedTest
    @MethodSource(LINKS)
    void telemetryArrivesWithItsProperties(Hub.Kind kind, IotHubClientProtocol protocol) throws Exception {
        try (Party party = Party.opened(kind, protocol)) {
            sendsTelemetry(party);
        }
    }

    @Test
    void telemetryOverHttpsArrivesWithItsPropertiesAndABatchAsItsMessages() throws Exception {
        try (Party party = Party.opened(Hub.Kind.DEVICE, IotHubClientProtocol.HTTPS)) {
            sendsTelemetry(party);
            Message first = new Message("first");
            Message second = new Message("second");
            second.setProperty("level", "high");
            party.client.sendEvents(List.of(first, second));
            List<JsonObject> events = Telemetry.of(party.deviceId, 3);
            assertEquals("first", Telemetry.body(events.get(1)));
            assertEquals("second", Telemetry.body(events.get(2)));
            assertEquals("high", events.get(2).getAsJsonObject("Properties").get("level").getAsString());
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"MQTT", "MQTT_WS", "AMQPS", "AMQPS_WS"})
    void anOutputMessageOfAModuleArrives(IotHubClientProtocol protocol) throws Exception {
        try (Party party = Party.opened(Hub.Kind.MODULE, protocol)) {
            ((ModuleClient) party.client).sendEvent(new Message("out"), "output1");
            JsonObject event = Telemetry.of(party.deviceId, 1).get(0);
            assertEquals("out", Telemetry.body(event));
            assertEquals(
                    party.moduleId,
                    event.getAsJsonObject("SystemProperties").get("connectionModuleId").getAsString());
        }
    }

    @ParameterizedTest
    @MethodSource(LINKS)
    void aTwinIsReportedAndReadAndItsDesiredChangesAreHeard(Hub.Kind kind, IotHubClientProtocol protocol)
            throws Exception {
        try (Party party = Party.opened(kind, protocol)) {
            Map<String, Object> heard = new ConcurrentHashMap<>();
            party.client.subscribeToDesiredProperties(
                    (twin, context) -> heard.putAll(twin.getDesiredProperties()), null);
            int version = party.report("firmware", "1.2");
            TwinCollection reported = party.twin().getReportedProperties();
            assertEquals("1.2", reported.get("firmware"));
            assertEquals(version, reported.getVersion());

            party.patchDesired("interval", 7);
            eventually("the desired change is heard", () -> heard.containsKey("interval"));
            assertTrue(party.ownTwin().getDesiredProperties().containsKey("interval"));
        }
    }

    @ParameterizedTest
    @MethodSource(LINKS)
    void aMethodsStatusAndPayloadComeBack(Hub.Kind kind, IotHubClientProtocol protocol) throws Exception {
        try (Party party = Party.opened(kind, protocol)) {
            party.client.subscribeToMethods(
                    (name, payload, context) -> new DirectMethodResponse(
                            210, Map.of("name", name, "got", payload.getPayload(Integer.class))),
                    null);
            // A component's command: this SDK does not decode the topic either.
            for (String name : List.of("reboot", "thermostat*report")) {
                var answer = party.invoke(name, 5);
                assertEquals(210, answer.getStatus());
                assertEquals(
                        Map.of("name", name, "got", 5.0), answer.getPayload(Map.class), answer.getPayloadAsJsonString());
            }
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"MQTT", "MQTT_WS", "AMQPS", "AMQPS_WS"})
    void theTwinNamesTheModelThatTheDeviceSays(IotHubClientProtocol protocol) throws Exception {
        String model = "dtmi:com:example:Thermostat;1";
        Device device = Hub.newDevice();
        DeviceClient client = new DeviceClient(
                Hub.connectionString(device.getDeviceId(), ";SharedAccessKey=" + device.getPrimaryKey()),
                protocol,
                ClientOptions.builder().modelId(model).build());
        try {
            client.open(false);
            assertEquals(model, new TwinClient(Hub.CONNECTION_STRING).get(device.getDeviceId()).getModelId());
        } finally {
            client.close();
        }
    }

    @ParameterizedTest
    @MethodSource(LINKS)
    void aWrongKeyIsUnauthorized(Hub.Kind kind, IotHubClientProtocol protocol) throws Exception {
        try (Party party = new Party(kind, protocol, WRONG_KEY)) {
            IotHubClientException refusal =
                    assertThrows(IotHubClientException.class, () -> party.client.open(false));
            assertEquals(IotHubStatusCode.UNAUTHORIZED, refusal.getStatusCode());
        }
    }

    @Test
    void aWrongKeyOverHttpsIsUnauthorized() throws Exception {
        try (Party party = new Party(Hub.Kind.DEVICE, IotHubClientProtocol.HTTPS, WRONG_KEY)) {
            // Over HTTPS there is nothing to open.
            party.client.open(false);
            IotHubClientException refusal =
                    assertThrows(IotHubClientException.class, () -> party.client.sendEvent(new Message("x")));
            assertEquals(IotHubStatusCode.UNAUTHORIZED, refusal.getStatusCode());
        }
    }
}
