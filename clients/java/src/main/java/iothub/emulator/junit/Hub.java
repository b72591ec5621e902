package iothub.emulator.junit;

import com.google.gson.Gson;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A hub as a test sees it: what came, what it is told to have, its time and its faults. */
public final class Hub implements AutoCloseable {
    private final Emulator emulator;
    private final Control control;
    private final JsonObject strings;
    private Runnable remove;

    Hub(Emulator emulator, Control control, JsonObject strings, Runnable remove) {
        this.emulator = emulator;
        this.control = control;
        this.strings = strings;
        this.remove = remove;
    }

    /** Its host name or address, which its connection strings hold. */
    public String name() {
        return strings.get("hub").getAsString();
    }

    public Emulator emulator() {
        return emulator;
    }

    /** Anything else of the control API. */
    public Control control() {
        return control;
    }

    // ---- what clients need

    /** Of the policy iothubowner, for service clients. */
    public String connectionString() {
        return connectionString("iothubowner");
    }

    public String connectionString(String policy) {
        JsonElement found = strings.getAsJsonObject("policies").get(policy);
        if (found == null) {
            throw new IllegalArgumentException("the hub has no policy " + policy);
        }
        return found.getAsString();
    }

    /** Of a device that is there and has a key. */
    public String deviceConnectionString(String device) {
        return control.get("connection-strings", Map.of("device", device)).get("connectionString").getAsString();
    }

    public String moduleConnectionString(String device, String module) {
        Map<String, String> identity = Map.of("device", device, "module", module);
        return control.get("connection-strings", identity).get("connectionString").getAsString();
    }

    /** For Event Hubs clients, to read the built-in endpoint. */
    public String eventHubConnectionString() {
        return strings.get("eventHub").getAsString();
    }

    /** What another program needs in its environment to find and trust this hub. */
    public Map<String, String> environment() {
        Map<String, String> environment = new LinkedHashMap<>(emulator.trust());
        environment.put("IOTHUB_CONNECTION_STRING", connectionString());
        environment.put("EVENTHUB_CONNECTION_STRING", eventHubConnectionString());
        environment.put("IOTHUB_POLICIES", strings.get("policies").toString());
        return environment;
    }

    // ---- what it has

    /** Applies a seed's file (docs/seeds.md). One that is refused changes nothing: ControlException. */
    public void seed(Path file) {
        try {
            seed(Files.readString(file), file.toString());
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    /** Applies a seed: YAML or JSON; {@code name} stands in messages for its file. */
    public void seed(String text, String name) {
        control.postText("seed", Map.of("name", name), text);
    }

    /** Makes a device and gives its connection string. */
    public String addDevice(String device) {
        return addDevice(device, Map.of());
    }

    /** Makes a device with members as a seed's device has them (tags, properties), and gives its connection string. */
    public String addDevice(String device, Map<String, ?> members) {
        JsonObject identity = new Gson().toJsonTree(members).getAsJsonObject();
        identity.addProperty("deviceId", device);
        JsonArray devices = new JsonArray();
        devices.add(identity);
        JsonObject seed = new JsonObject();
        seed.add("devices", devices);
        seed(seed.toString(), "addDevice");
        return deviceConnectionString(device);
    }

    /** As new; links are closed. */
    public void reset() {
        control.post("reset", new JsonObject());
    }

    /** Twin, queue and events of one device; its keys stay. */
    public void reset(String device) {
        JsonObject body = new JsonObject();
        body.addProperty("device", device);
        control.post("reset", body);
    }

    /** Keeps its state under a name, for restore() and Emulator.newHub(). */
    public void save(String snapshot) {
        control.put("snapshots/" + snapshot);
    }

    public void restore(String snapshot) {
        control.post("snapshots/" + snapshot + "/restore", new JsonObject());
    }

    /** Removes the hub, where it was made for a test: what speaks to it is closed. */
    @Override
    public void close() {
        Runnable once = remove;
        remove = null;
        if (once != null) {
            once.run();
        }
    }

    // ---- what came

    /** What devices sent: {@code hub.messages().from("d1").await()}. */
    public MessageQuery messages() {
        return new MessageQuery(this);
    }

    /** A place in the stream of messages: MessageQuery.since() of what comes after it. */
    public String now() {
        return control.get("messages", Map.of("since", "now", "limit", "1")).get("next").getAsString();
    }

    // ---- time, faults, and why

    public Clock clock() {
        return new Clock(control);
    }

    /**
     * Breaks things: {@code action} is one of refuse-connection, cut, drop, duplicate, throttle, status and delay;
     * {@code rule} may hold device, operation, protocol, status, delay ("500ms"), probability and count (docs/control.md).
     */
    public Fault fault(String action, Map<String, ?> rule) {
        JsonObject body = new Gson().toJsonTree(rule).getAsJsonObject();
        body.addProperty("action", action);
        return new Fault(control, control.post("faults", body));
    }

    public void clearFaults() {
        control.delete("faults");
    }

    /** Devices, and modules as {@code device/module}, that are connected. */
    public List<String> connected() {
        List<String> names = new ArrayList<>();
        for (JsonElement each : control.get("connections", Map.of()).getAsJsonArray("connections")) {
            JsonObject connection = each.getAsJsonObject();
            String device = connection.get("device").getAsString();
            names.add(connection.has("module") ? device + "/" + connection.get("module").getAsString() : device);
        }
        return names;
    }

    /** What was refused, and why, newest first. */
    public List<JsonObject> refusals() {
        List<JsonObject> refusals = new ArrayList<>();
        control.get("explain", Map.of()).getAsJsonArray("refusals").forEach(each -> refusals.add(each.getAsJsonObject()));
        return refusals;
    }

    @Override
    public String toString() {
        return "IoT hub " + name();
    }
}
