package iothub.emulator;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;

/** What the hub's route wrote into its file endpoint: a line of JSON an event. */
final class Telemetry {
    private static final Path FILE = Path.of(System.getenv("IOTHUB_TEST_TELEMETRY"));

    private Telemetry() {}

    /** The events of a device and its modules, once there are so many. */
    static List<JsonObject> of(String deviceId, int count) throws Exception {
        Hub.eventually(count + " events of " + deviceId + " arrive", () -> read(deviceId).size() >= count);
        return read(deviceId);
    }

    /** The body of an event that does not call itself JSON. */
    static String body(JsonObject event) {
        return new String(Base64.getDecoder().decode(event.get("Body").getAsString()), StandardCharsets.UTF_8);
    }

    private static List<JsonObject> read(String deviceId) throws Exception {
        if (!Files.exists(FILE)) return List.of();
        return Files.readAllLines(FILE).stream()
                .map(line -> JsonParser.parseString(line).getAsJsonObject())
                .filter(event -> deviceId.equals(
                        event.getAsJsonObject("SystemProperties").get("connectionDeviceId").getAsString()))
                .toList();
    }
}
