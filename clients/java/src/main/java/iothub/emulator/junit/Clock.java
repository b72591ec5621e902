package iothub.emulator.junit;

import com.google.gson.JsonObject;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;

/** The hub's time. Each call gives what it is then. SAS tokens are judged by the machine's time (docs/control.md). */
public final class Clock {
    private final Control control;

    Clock(Control control) {
        this.control = control;
    }

    public Instant time() {
        return timeOf(control.get("clock", Map.of()));
    }

    public boolean frozen() {
        return control.get("clock", Map.of()).get("frozen").getAsBoolean();
    }

    public Instant freeze() {
        return timeOf(control.post("clock/freeze", new JsonObject()));
    }

    public Instant freeze(Instant at) {
        return timeOf(control.post("clock/freeze", argument("at", at.toString())));
    }

    /** Moves it on; what becomes due happens. */
    public Instant advance(Duration by) {
        return timeOf(control.post("clock/advance", argument("by", by.toMillis() + "ms")));
    }

    public Instant set(Instant to) {
        return timeOf(control.post("clock/set", argument("to", to.toString())));
    }

    /** Lets it run on from where it is. */
    public Instant resume() {
        return timeOf(control.post("clock/resume", new JsonObject()));
    }

    /** Lets it run with the machine's time. */
    public Instant resumeReal() {
        JsonObject real = new JsonObject();
        real.addProperty("real", true);
        return timeOf(control.post("clock/resume", real));
    }

    private static JsonObject argument(String name, String value) {
        JsonObject body = new JsonObject();
        body.addProperty(name, value);
        return body;
    }

    private static Instant timeOf(JsonObject clock) {
        return Instant.parse(clock.get("time").getAsString());
    }
}
