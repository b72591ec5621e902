package iothub.emulator.junit;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.util.Map;
import java.util.OptionalLong;

/** A rule that breaks things, until it is closed. */
public final class Fault implements AutoCloseable {
    private final Control control;
    private final long id;

    Fault(Control control, JsonObject rule) {
        this.control = control;
        this.id = rule.get("id").getAsLong();
    }

    /** How often it did; nothing once it is used up or removed. */
    public OptionalLong struck() {
        for (JsonElement each : control.get("faults", Map.of()).getAsJsonArray("faults")) {
            JsonObject rule = each.getAsJsonObject();
            if (rule.get("id").getAsLong() == id) {
                return OptionalLong.of(rule.get("struck").getAsLong());
            }
        }
        return OptionalLong.empty();
    }

    @Override
    public void close() {
        if (struck().isPresent()) {
            control.delete("faults/" + id);
        }
    }
}
