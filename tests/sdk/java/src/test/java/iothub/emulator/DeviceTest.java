package iothub.emulator;

import static iothub.emulator.Hub.clientOf;
import static iothub.emulator.Hub.eventually;
import static iothub.emulator.Hub.newDevice;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.microsoft.azure.sdk.iot.device.DeviceClient;
import com.microsoft.azure.sdk.iot.device.IotHubStatusCode;
import com.microsoft.azure.sdk.iot.device.Message;
import com.microsoft.azure.sdk.iot.device.exceptions.IotHubClientException;
import com.microsoft.azure.sdk.iot.device.twin.TwinCollection;
import com.microsoft.azure.sdk.iot.service.registry.Device;
import com.microsoft.azure.sdk.iot.service.twin.Twin;
import com.microsoft.azure.sdk.iot.service.twin.TwinClient;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.Test;

class DeviceTest {
    private final TwinClient twins = new TwinClient(Hub.CONNECTION_STRING);

    @Test
    void aDeviceSendsTelemetryAndReportsAndHearsDesiredChanges() throws Exception {
        Device device = newDevice();
        DeviceClient client = clientOf(device);
        try {
            client.open(false);
            Message message = new Message("{\"temperature\":21.5}");
            message.setProperty("a key", "value & more");
            client.sendEvent(message);

            Map<String, Object> heard = new ConcurrentHashMap<>();
            client.subscribeToDesiredProperties((twin, context) -> heard.putAll(twin.getDesiredProperties()), null);
            TwinCollection reported = client.getTwin().getReportedProperties();
            reported.put("firmware", "1.2");
            assertEquals(2, client.updateReportedProperties(reported).getVersion());
            assertEquals("1.2", twins.get(device.getDeviceId()).getReportedProperties().get("firmware"));

            Twin patch = new Twin(device.getDeviceId());
            patch.getDesiredProperties().put("interval", 7);
            twins.patch(patch);
            eventually("the desired change is heard", () -> heard.containsKey("interval"));
            assertTrue(client.getTwin().getDesiredProperties().containsKey("interval"));
        } finally {
            client.close();
        }
    }

    @Test
    void aWrongKeyIsUnauthorized() throws Exception {
        DeviceClient client = clientOf(newDevice(), "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
        IotHubClientException refusal = assertThrows(IotHubClientException.class, () -> client.open(false));
        assertEquals(IotHubStatusCode.UNAUTHORIZED, refusal.getStatusCode());
        client.close();
    }
}
