package iothub.emulator;

import static iothub.emulator.Hub.clientOf;
import static iothub.emulator.Hub.eventually;
import static iothub.emulator.Hub.newDevice;
import static iothub.emulator.Hub.newId;
import static iothub.emulator.Hub.refused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.microsoft.azure.sdk.iot.device.DeviceClient;
import com.microsoft.azure.sdk.iot.service.exceptions.IotHubNotFoundException;
import com.microsoft.azure.sdk.iot.service.jobs.ScheduledJobStatus;
import com.microsoft.azure.sdk.iot.service.jobs.ScheduledJobsClient;
import com.microsoft.azure.sdk.iot.service.methods.DirectMethodRequestOptions;
import com.microsoft.azure.sdk.iot.service.methods.DirectMethodsClient;
import com.microsoft.azure.sdk.iot.service.registry.Device;
import com.microsoft.azure.sdk.iot.service.twin.Twin;
import com.microsoft.azure.sdk.iot.service.twin.TwinClient;
import java.util.Date;
import java.util.Map;
import org.junit.jupiter.api.Test;

class MethodsAndJobsTest {
    private final DirectMethodsClient methods = new DirectMethodsClient(Hub.CONNECTION_STRING);
    private final ScheduledJobsClient jobs = new ScheduledJobsClient(Hub.CONNECTION_STRING);

    private static void answerMethods(DeviceClient client) throws Exception {
        client.open(false);
        client.subscribeToMethods(
                (name, payload, context) ->
                        new com.microsoft.azure.sdk.iot.device.twin.DirectMethodResponse(210, Map.of("name", name)),
                null);
    }

    @Test
    void aMethodOfADeviceThatIsNotConnectedIs404103() throws Exception {
        String id = newDevice().getDeviceId();
        // By itself this SDK has the hub wait 200 s for the device, and waits 24 s for the hub.
        DirectMethodRequestOptions atOnce = DirectMethodRequestOptions.builder().methodConnectTimeoutSeconds(0).build();
        refused(IotHubNotFoundException.class, 404103, () -> methods.invoke(id, "reboot", atOnce));
    }

    @Test
    void aMethodOfADeviceThatIsMissingIs404001() {
        refused(IotHubNotFoundException.class, 404001, () -> methods.invoke(newId("device"), "reboot"));
    }

    @Test
    void jobsPatchTwinsAndCallMethods() throws Exception {
        Device device = newDevice();
        String condition = "deviceId = '" + device.getDeviceId() + "'";
        String patching = newId("job");
        Twin twin = new Twin();
        twin.setETag("*");
        twin.getDesiredProperties().put("interval", 7);
        jobs.scheduleUpdateTwin(patching, condition, twin, new Date(), 60);
        eventually("the job ends", () -> jobs.get(patching).getJobStatus() == ScheduledJobStatus.completed);
        Twin patched = new TwinClient(Hub.CONNECTION_STRING).get(device.getDeviceId());
        assertTrue(patched.getDesiredProperties().containsKey("interval"));

        DeviceClient client = clientOf(device);
        try {
            answerMethods(client);
            String calling = newId("job");
            jobs.scheduleDirectMethod(calling, condition, "reboot", new Date());
            eventually("the job ends", () -> jobs.get(calling).getJobStatus() == ScheduledJobStatus.completed);
            assertEquals(1, jobs.get(calling).getJobStatistics().getSucceededCount());
        } finally {
            client.close();
        }
    }

    @Test
    void aJobOfTheFutureCanBeCancelled() throws Exception {
        String job = newId("job");
        Date inAnHour = new Date(System.currentTimeMillis() + 3_600_000);
        jobs.scheduleDirectMethod(job, "deviceId = 'nobody'", "reboot", inAnHour);
        jobs.cancel(job);
        eventually("it is cancelled", () -> jobs.get(job).getJobStatus() == ScheduledJobStatus.cancelled);
    }
}
