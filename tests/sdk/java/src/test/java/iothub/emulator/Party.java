package iothub.emulator;

import com.microsoft.azure.sdk.iot.device.ClientOptions;
import com.microsoft.azure.sdk.iot.device.DeviceClient;
import com.microsoft.azure.sdk.iot.device.InternalClient;
import com.microsoft.azure.sdk.iot.device.IotHubClientProtocol;
import com.microsoft.azure.sdk.iot.device.IotHubStatusCode;
import com.microsoft.azure.sdk.iot.device.ModuleClient;
import com.microsoft.azure.sdk.iot.device.exceptions.IotHubClientException;
import com.microsoft.azure.sdk.iot.device.twin.TwinCollection;
import com.microsoft.azure.sdk.iot.service.methods.DirectMethodRequestOptions;
import com.microsoft.azure.sdk.iot.service.methods.DirectMethodResponse;
import com.microsoft.azure.sdk.iot.service.methods.DirectMethodsClient;
import com.microsoft.azure.sdk.iot.service.registry.Device;
import com.microsoft.azure.sdk.iot.service.registry.Module;
import com.microsoft.azure.sdk.iot.service.twin.Twin;
import com.microsoft.azure.sdk.iot.service.twin.TwinClient;
import java.util.concurrent.Callable;

/** A new device, or a module on a new device: its client, and the service's view of it. */
final class Party implements AutoCloseable {
    final String deviceId;
    /** null: the device itself. */
    final String moduleId;

    final InternalClient client;
    private static final int ANSWER_MILLISECONDS = 5000 * Hub.SLOWNESS;

    private final TwinClient twins = new TwinClient(Hub.CONNECTION_STRING);
    private final DirectMethodsClient methods = new DirectMethodsClient(Hub.CONNECTION_STRING);

    Party(Hub.Kind kind, IotHubClientProtocol protocol) throws Exception {
        this(kind, protocol, null);
    }

    /** With another key than its own, unless that is null. */
    Party(Hub.Kind kind, IotHubClientProtocol protocol, String otherKey) throws Exception {
        Device device = Hub.newDevice();
        deviceId = device.getDeviceId();
        // Over HTTPS the SDK asks for messages; ten times a second here.
        ClientOptions options = ClientOptions.builder().receiveInterval(100).build();
        if (kind == Hub.Kind.DEVICE) {
            moduleId = null;
            client = new DeviceClient(connectionString(device.getPrimaryKey(), otherKey), protocol, options);
        } else {
            moduleId = "module";
            String key = Hub.registry().addModule(new Module(deviceId, moduleId)).getPrimaryKey();
            client = new ModuleClient(connectionString(key, otherKey), protocol, options);
        }
    }

    static Party opened(Hub.Kind kind, IotHubClientProtocol protocol) throws Exception {
        Party party = new Party(kind, protocol);
        party.client.open(false);
        return party;
    }

    private String connectionString(String key, String otherKey) {
        String module = moduleId == null ? "" : ";ModuleId=" + moduleId;
        return Hub.connectionString(deviceId, module + ";SharedAccessKey=" + (otherKey == null ? key : otherKey));
    }

    /** Reports a property on top of what the device's own view of its twin has, and returns the version that the hub says. */
    int report(String name, Object value) throws Exception {
        return answered(() -> {
            TwinCollection reported = client.getTwin(ANSWER_MILLISECONDS).getReportedProperties();
            reported.put(name, value);
            return client.updateReportedProperties(reported, ANSWER_MILLISECONDS).getVersion();
        });
    }

    /** The twin as the device reads it. */
    com.microsoft.azure.sdk.iot.device.twin.Twin ownTwin() throws Exception {
        return answered(() -> client.getTwin(ANSWER_MILLISECONDS));
    }

    /**
     * Asks again for an answer that the SDK has lost: it hands each to two threads, and the one may have removed who waits
     * for it before the other looks (IotHubTransport 2.5.0, onMessageReceived and acknowledgeReceivedMessage). That takes
     * one in a hundred over MQTT and three over AMQP, on two cores.
     */
    private static <T> T answered(Callable<T> request) throws Exception {
        for (int attempt = 1; ; ++attempt) {
            try {
                return request.call();
            } catch (IotHubClientException lost) {
                if (lost.getStatusCode() != IotHubStatusCode.DEVICE_OPERATION_TIMED_OUT || attempt == 5) throw lost;
            }
        }
    }

    Twin twin() throws Exception {
        return moduleId == null ? twins.get(deviceId) : twins.get(deviceId, moduleId);
    }

    void patchDesired(String name, Object value) throws Exception {
        Twin patch = moduleId == null ? new Twin(deviceId) : new Twin(deviceId, moduleId);
        patch.getDesiredProperties().put(name, value);
        twins.patch(patch);
    }

    DirectMethodResponse invoke(String method, Object payload) throws Exception {
        DirectMethodRequestOptions options = DirectMethodRequestOptions.builder().payload(payload).build();
        return moduleId == null
                ? methods.invoke(deviceId, method, options)
                : methods.invoke(deviceId, moduleId, method, options);
    }

    @Override
    public void close() {
        client.close();
    }
}
