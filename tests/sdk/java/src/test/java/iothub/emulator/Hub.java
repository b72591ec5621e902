package iothub.emulator;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.microsoft.azure.sdk.iot.device.ClientOptions;
import com.microsoft.azure.sdk.iot.device.DeviceClient;
import com.microsoft.azure.sdk.iot.device.IotHubClientProtocol;
import com.microsoft.azure.sdk.iot.service.exceptions.IotHubException;
import com.microsoft.azure.sdk.iot.service.registry.Device;
import com.microsoft.azure.sdk.iot.service.registry.RegistryClient;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.provider.Arguments;

/** The hub that `iothub-emulator exec` runs around the tests, by its address: this SDK must take an IP address as HostName. */
final class Hub {
    static final String HOST = "127.0.0.1";
    static final int SLOWNESS = System.getenv("IOTHUB_TEST_SLOW") == null ? 1 : 10;

    static final String CONNECTION_STRING =
            System.getenv("IOTHUB_CONNECTION_STRING").replaceFirst("HostName=[^;]*", "HostName=" + HOST);

    private Hub() {}

    /** An id that no other test uses. */
    static String newId(String what) {
        return what + "-" + UUID.randomUUID().toString().substring(0, 8);
    }

    static RegistryClient registry() {
        return new RegistryClient(CONNECTION_STRING);
    }

    static Device newDevice() throws Exception {
        return registry().addDevice(new Device(newId("device")));
    }

    static DeviceClient clientOf(Device device) {
        return new DeviceClient(
                connectionString(device.getDeviceId(), ";SharedAccessKey=" + device.getPrimaryKey()),
                IotHubClientProtocol.MQTT,
                ClientOptions.builder().build());
    }

    static String connectionString(String deviceId, String rest) {
        return "HostName=" + HOST + ";DeviceId=" + deviceId + rest;
    }

    /** Who keeps a connection, and over what: every test of one is a test of each. */
    static Stream<Arguments> links() {
        return Stream.of(
                        IotHubClientProtocol.MQTT,
                        IotHubClientProtocol.MQTT_WS,
                        IotHubClientProtocol.AMQPS,
                        IotHubClientProtocol.AMQPS_WS)
                .flatMap(protocol -> Stream.of(Kind.values()).map(kind -> Arguments.of(kind, protocol)));
    }

    enum Kind {
        DEVICE,
        MODULE
    }

    /** The call must fail with this class and the hub's number for the error. */
    static void refused(Class<? extends IotHubException> type, int code, Executable call) {
        assertEquals(code, assertThrows(type, call).getErrorCode());
    }

    static void eventually(String what, Callable<Boolean> condition) throws Exception {
        eventually(what, 10, condition);
    }

    static void eventually(String what, int seconds, Callable<Boolean> condition) throws Exception {
        final long end = System.nanoTime() + SLOWNESS * seconds * 1_000_000_000L;
        while (!condition.call()) {
            assertTrue(System.nanoTime() < end, "it was not so that " + what);
            Thread.sleep(50);
        }
    }
}
