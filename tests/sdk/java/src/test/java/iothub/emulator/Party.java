package iothub.emulator;

import com.microsoft.azure.sdk.iot.device.ClientOptions;
import com.microsoft.azure.sdk.iot.device.DeviceClient;
import com.microsoft.azure.sdk.iot.device.InternalClient;
import com.microsoft.azure.sdk.iot.device.IotHubClientProtocol;
import com.microsoft.azure.sdk.iot.device.ModuleClient;
import com.microsoft.azure.sdk.iot.service.methods.DirectMethodRequestOptions;
import com.microsoft.azure.sdk.iot.service.methods.DirectMethodResponse;
import com.microsoft.azure.sdk.iot.service.methods.DirectMethodsClient;
import com.microsoft.azure.sdk.iot.service.registry.Device;
import com.microsoft.azure.sdk.iot.service.registry.Module;
import com.microsoft.azure.sdk.iot.service.twin.Twin;
import com.microsoft.azure.sdk.iot.service.twin.TwinClient;

/** A new device, or a module on a new device: its client, and the service's view of it. */
final class Party implements AutoCloseable {
    final String deviceId;
    /** null: the device itself. */
    final String moduleId;

    final InternalClient client;
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
