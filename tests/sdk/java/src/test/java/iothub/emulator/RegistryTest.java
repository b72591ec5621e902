package iothub.emulator;

import static iothub.emulator.Hub.newDevice;
import static iothub.emulator.Hub.newId;
import static iothub.emulator.Hub.refused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.microsoft.azure.sdk.iot.service.exceptions.IotHubConflictException;
import com.microsoft.azure.sdk.iot.service.exceptions.IotHubNotFoundException;
import com.microsoft.azure.sdk.iot.service.exceptions.IotHubUnauthorizedException;
import com.microsoft.azure.sdk.iot.service.registry.Device;
import com.microsoft.azure.sdk.iot.service.registry.DeviceStatus;
import com.microsoft.azure.sdk.iot.service.registry.Module;
import com.microsoft.azure.sdk.iot.service.registry.RegistryClient;
import org.junit.jupiter.api.Test;

/** Most of the registry's errors carry a name, not a number: this SDK's code is then the HTTP status (java-csharp-c-sdk.md 3.2). */
class RegistryTest {
    private final RegistryClient registry = Hub.registry();

    @Test
    void aDeviceIsCreatedReadUpdatedAndRemoved() throws Exception {
        Device device = newDevice();
        assertNotNull(device.getPrimaryKey());
        device.setStatus(DeviceStatus.Disabled);
        assertEquals(DeviceStatus.Disabled, registry.updateDevice(device).getStatus());
        assertEquals(DeviceStatus.Disabled, registry.getDevice(device.getDeviceId()).getStatus());
        assertTrue(registry.getStatistics().getTotalDeviceCount() >= 1);
        registry.removeDevice(device.getDeviceId());
        refused(IotHubNotFoundException.class, 404, () -> registry.getDevice(device.getDeviceId()));
    }

    @Test
    void aModuleIsCreatedReadUpdatedAndRemoved() throws Exception {
        String id = newDevice().getDeviceId();
        Module module = registry.addModule(new Module(id, "module"));
        assertNotNull(module.getPrimaryKey());
        assertEquals("module", registry.updateModule(module).getId());
        assertEquals(1, registry.getModulesOnDevice(id).size());
        refused(IotHubConflictException.class, 409301, () -> registry.addModule(new Module(id, "module")));
        registry.removeModule(id, "module");
        refused(IotHubNotFoundException.class, 404, () -> registry.getModule(id, "module"));
    }

    @Test
    void aDeviceThatExistsIsAConflict() throws Exception {
        String id = newDevice().getDeviceId();
        refused(IotHubConflictException.class, 409, () -> registry.addDevice(new Device(id)));
    }

    @Test
    void aWrongKeyIs401() {
        String key = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        String wrong = Hub.CONNECTION_STRING.replaceFirst("SharedAccessKey=.*", "SharedAccessKey=" + key);
        refused(IotHubUnauthorizedException.class, 401, () -> new RegistryClient(wrong).getDevice(newId("device")));
    }
}
