package iothub.emulator.junit;

import com.google.gson.Gson;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Which messages: {@code hub.messages().from("d1").property("level", "2").await(3)}. Telemetry, unless source() says other. */
public final class MessageQuery {
    private static final String MOST_MESSAGES = "1000"; // that one answer holds

    private final Hub hub;
    private final Map<String, String> query = new LinkedHashMap<>();
    private Duration within = Duration.ofSeconds(10);

    MessageQuery(Hub hub) {
        this.hub = hub;
        query.put("limit", MOST_MESSAGES);
    }

    public MessageQuery from(String device) {
        return with("device", device);
    }

    public MessageQuery from(String device, String module) {
        return from(device).with("module", module);
    }

    /** iothub-message-source, as twinChangeEvents; {@code any} for all. */
    public MessageQuery source(String source) {
        return with("source", source);
    }

    /** A place in the stream, as Hub.now() gives it. */
    public MessageQuery since(String place) {
        return with("since", place);
    }

    public MessageQuery since(Instant time) {
        return with("since", time.toString());
    }

    /** An application property. */
    public MessageQuery property(String name, String value) {
        return with("property." + name, value);
    }

    public MessageQuery systemProperty(String name, String value) {
        return with("system." + name, value);
    }

    /** The whole body. */
    public MessageQuery body(String text) {
        return with("body", text);
    }

    public MessageQuery bodyContains(String text) {
        return with("bodyContains", text);
    }

    /** A value inside a JSON body: {@code bodyValue("/temperature", 21.5)}. */
    public MessageQuery bodyValue(String pointer, Object value) {
        return with("body" + pointer, value instanceof String text ? text : new Gson().toJson(value));
    }

    /** How long await() waits [10 s]. */
    public MessageQuery within(Duration time) {
        within = time;
        return this;
    }

    /** Waits until so many match, and gives all that do; MessagesMissing when they do not come in time. */
    public List<Message> await(int count) {
        Map<String, String> waiting = new LinkedHashMap<>(query);
        waiting.put("count", Integer.toString(count));
        waiting.put("wait", within.toMillis() + "ms");
        List<Message> came = ask(waiting, within);
        if (came.size() < count) {
            throw new MessagesMissing(missing(count, came), came);
        }
        return came;
    }

    /** Waits for one, the first that matches. */
    public Message await() {
        return await(1).get(0);
    }

    /** What is there now. */
    public List<Message> now() {
        return ask(query, Duration.ZERO);
    }

    private MessageQuery with(String name, String value) {
        query.put(name, value);
        return this;
    }

    private List<Message> ask(Map<String, String> asked, Duration wait) {
        JsonObject answer = hub.control().get("messages", asked, wait);
        List<Message> messages = new ArrayList<>();
        for (JsonElement each : answer.getAsJsonArray("messages")) {
            messages.add(Message.from(each.getAsJsonObject()));
        }
        return List.copyOf(messages);
    }

    private String missing(int count, List<Message> came) {
        Map<String, String> asked = new LinkedHashMap<>(query);
        asked.remove("limit");
        StringBuilder text = new StringBuilder();
        text.append(came.size() + " of " + count + " messages came to " + hub.name() + " within " + within.toMillis() + " ms: " + asked);
        List<Message> all = new MessageQuery(hub).source("any").now();
        all.subList(Math.max(0, all.size() - 5), all.size()).forEach(each -> text.append("\n  the hub has: " + each));
        hub.refusals().stream().limit(3).forEach(each -> text.append("\n  refused: " + each));
        return text.toString();
    }
}
