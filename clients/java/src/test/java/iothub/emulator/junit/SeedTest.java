package iothub.emulator.junit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.microsoft.azure.sdk.iot.device.DeviceClient;
import com.microsoft.azure.sdk.iot.device.IotHubClientProtocol;
import com.microsoft.azure.sdk.iot.service.twin.TwinClient;
import java.util.Map;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Hubs that begin with something. */
@ExtendWith(IotHubExtension.class)
@Seed("seed.yaml")
class SeedTest {
    private final Hub ofTheClass;

    SeedTest(Hub hub) {
        ofTheClass = hub;
    }

    @Test
    void hubsBeginWithTheSeedsOfTheClass(Hub hub) throws Exception {
        for (Hub each : new Hub[] {hub, ofTheClass}) {
            Object floor = new TwinClient(each.connectionString()).get("boiler").getTags().get("floor");
            assertEquals(3, ((Number) floor).intValue());
        }
    }

    @Nested
    class Inner {
        @Test
        @Seed("more.yaml")
        void hubsBeginWithTheSeedsOfTheClassesAroundAndOfTheTest(Hub hub) {
            assertTrue(hub.deviceConnectionString("boiler").contains("DeviceId=boiler"));
            assertTrue(hub.moduleConnectionString("pump", "meter").contains("ModuleId=meter"));
        }
    }

    @Test
    void aDeviceIsMadeWithItsConnectionString(Hub hub) throws Exception {
        DeviceClient client =
                new DeviceClient(hub.addDevice("d1", Map.of("tags", Map.of("floor", 4))), IotHubClientProtocol.MQTT);
        client.open(false);
        client.sendEvent(new com.microsoft.azure.sdk.iot.device.Message("warm"));
        assertEquals("warm", hub.messages().from("d1").await().text());
        client.close();
    }

    @Test
    void aSeedThatIsRefusedChangesNothing(Hub hub) {
        String seed = "devices: [{deviceId: good}, {deviceld: bad}]";
        ControlException refusal = assertThrows(ControlException.class, () -> hub.seed(seed, "bad.yaml"));
        assertTrue(refusal.getMessage().contains("bad.yaml"), refusal.getMessage());
        assertThrows(ControlException.class, () -> hub.deviceConnectionString("good"));
    }
}
