package iothub.emulator;

import static iothub.emulator.Hub.newId;
import static iothub.emulator.Hub.refused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.microsoft.azure.sdk.iot.service.configurations.Configuration;
import com.microsoft.azure.sdk.iot.service.configurations.ConfigurationContent;
import com.microsoft.azure.sdk.iot.service.configurations.ConfigurationsClient;
import com.microsoft.azure.sdk.iot.service.exceptions.IotHubNotFoundException;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ConfigurationsTest {
    private final ConfigurationsClient configurations = new ConfigurationsClient(Hub.CONNECTION_STRING);

    @Test
    void aConfigurationIsCreatedListedReplacedAndDeleted() throws Exception {
        String id = newId("configuration");
        Configuration configuration = new Configuration(id);
        ConfigurationContent content = new ConfigurationContent();
        content.setDeviceContent(new HashMap<>(Map.of("properties.desired.climate", Map.of("target", 21))));
        configuration.setContent(content);
        configuration.setTargetCondition("tags.test='" + id + "'");
        configuration.setPriority(10);
        Configuration created = configurations.create(configuration);
        assertEquals(10, created.getPriority());
        assertTrue(configurations.get(20).stream().anyMatch(one -> one.getId().equals(id)));

        created.setPriority(20);
        configurations.replace(created);
        assertEquals(20, configurations.get(id).getPriority());
        configurations.delete(id);
        refused(IotHubNotFoundException.class, 404, () -> configurations.get(id));
    }
}
