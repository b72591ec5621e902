package iothub.emulator.junit;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What a device or module sent.
 *
 * @param module null for a device's own
 * @param body the value where it is JSON, the text where it is UTF-8, else JSON's null
 * @param data the body's bytes
 */
public record Message(String device, String module, JsonElement body, byte[] data, Map<String, String> properties,
        Map<String, String> systemProperties, String source, Instant enqueuedTime, int partition, long sequenceNumber) {

    static Message from(JsonObject json) {
        return new Message(text(json, "device"), text(json, "module"), json.get("body"),
                Base64.getDecoder().decode(json.get("bodyBase64").getAsString()), texts(json, "properties"),
                texts(json, "systemProperties"), text(json, "source"), Instant.parse(json.get("enqueuedTime").getAsString()),
                json.get("partition").getAsInt(), json.get("sequenceNumber").getAsLong());
    }

    /** The body as text. */
    public String text() {
        return new String(data, StandardCharsets.UTF_8);
    }

    @Override
    public String toString() {
        return (module == null ? device : device + "/" + module) + " " + properties + " " + text();
    }

    private static String text(JsonObject json, String name) {
        return json.has(name) ? json.get(name).getAsString() : null;
    }

    private static Map<String, String> texts(JsonObject json, String name) {
        Map<String, String> texts = new LinkedHashMap<>();
        if (json.has(name)) {
            json.getAsJsonObject(name).entrySet().forEach(each -> texts.put(each.getKey(), each.getValue().getAsString()));
        }
        return texts;
    }
}
