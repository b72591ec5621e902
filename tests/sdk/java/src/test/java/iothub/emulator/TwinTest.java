package iothub.emulator;

import static iothub.emulator.Hub.newDevice;
import static iothub.emulator.Hub.newId;
import static iothub.emulator.Hub.refused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.microsoft.azure.sdk.iot.service.exceptions.IotHubBadFormatException;
import com.microsoft.azure.sdk.iot.service.exceptions.IotHubNotFoundException;
import com.microsoft.azure.sdk.iot.service.query.QueryClient;
import com.microsoft.azure.sdk.iot.service.query.QueryPageOptions;
import com.microsoft.azure.sdk.iot.service.query.RawQueryResponse;
import com.microsoft.azure.sdk.iot.service.query.TwinQueryResponse;
import com.microsoft.azure.sdk.iot.service.registry.Module;
import com.microsoft.azure.sdk.iot.service.twin.Twin;
import com.microsoft.azure.sdk.iot.service.twin.TwinClient;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

class TwinTest {
    private final TwinClient twins = new TwinClient(Hub.CONNECTION_STRING);
    private final QueryClient queries = new QueryClient(Hub.CONNECTION_STRING);

    @Test
    void aPatchMergesAndAReplacementReplaces() throws Exception {
        String id = newDevice().getDeviceId();
        Twin first = new Twin(id);
        first.getTags().put("floor", 3);
        first.getDesiredProperties().put("x", 1);
        twins.patch(first);
        Twin second = new Twin(id);
        second.getDesiredProperties().put("y", 2);
        Twin patched = twins.patch(second);
        assertEquals(3.0, ((Number) patched.getTags().get("floor")).doubleValue());
        assertEquals(Set.of("x", "y"), patched.getDesiredProperties().keySet());

        Twin replaced = twins.get(id);
        replaced.getDesiredProperties().remove("x");
        twins.replace(replaced);
        assertEquals(Set.of("y"), twins.get(id).getDesiredProperties().keySet());
    }

    @Test
    void aModuleHasATwinOfItsOwn() throws Exception {
        String id = newDevice().getDeviceId();
        Hub.registry().addModule(new Module(id, "module"));
        Twin patch = new Twin(id, "module");
        patch.getDesiredProperties().put("x", 1);
        twins.patch(patch);
        assertTrue(twins.get(id, "module").getDesiredProperties().containsKey("x"));
        assertFalse(twins.get(id).getDesiredProperties().containsKey("x"));
    }

    @Test
    void aTwinOfAMissingDeviceIsNotFound() {
        refused(IotHubNotFoundException.class, 404, () -> twins.get(newId("device")));
    }

    @Test
    void aQueryPagesToItsEnd() throws Exception {
        String tag = newId("query");
        Set<String> made = new HashSet<>();
        for (int n = 0; n < 3; ++n) {
            Twin twin = new Twin(newDevice().getDeviceId());
            twin.getTags().put("test", tag);
            made.add(twins.patch(twin).getDeviceId());
        }
        String where = " FROM devices WHERE tags.test = '" + tag + "'";
        QueryPageOptions two = QueryPageOptions.builder().pageSize(2).build();
        TwinQueryResponse answer = queries.queryTwins("SELECT *" + where, two);
        Set<String> found = new HashSet<>();
        while (answer.hasNext()) found.add(answer.next(two).getDeviceId());
        assertEquals(made, found);

        RawQueryResponse raw = queries.queryRaw("SELECT COUNT() AS devices" + where);
        assertEquals("{\"devices\":3}", raw.next());
        assertFalse(raw.hasNext());
    }

    @Test
    void aWrongQueryIs400() {
        assertThrows(IotHubBadFormatException.class, () -> queries.queryTwins("SELECT FROM nothing"));
    }
}
