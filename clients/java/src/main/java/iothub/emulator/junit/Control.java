package iothub.emulator.junit;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.HttpURLConnection;
import java.net.Proxy;
import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Collectors;

/** HTTP to the control API (docs/control-openapi.yaml). Refusals are ControlException; nobody there, UncheckedIOException. */
public final class Control {
    /** Over what the hub itself was asked to wait. */
    private static final Duration ANSWER_WITHIN = Duration.ofSeconds(15);

    private final String url;
    private final String token;
    private final String hub;

    /** {@code url} as http://localhost:8890; {@code hub} is the name of the hub that is meant, null for the one of the url. */
    Control(String url, String token, String hub) {
        this.url = url.replaceAll("/+$", "");
        this.token = token;
        this.hub = hub;
    }

    Control of(String otherHub) {
        return new Control(url, token, otherHub);
    }

    public String url() {
        return url;
    }

    public JsonObject get(String path, Map<String, String> query) {
        return json(request("GET", path, query, null, Duration.ZERO));
    }

    JsonObject get(String path, Map<String, String> query, Duration wait) {
        return json(request("GET", path, query, null, wait));
    }

    /** The answer as text, for what is no JSON. */
    public String text(String path) {
        return request("GET", path, Map.of(), null, Duration.ZERO);
    }

    /** An empty object for an empty answer. */
    public JsonObject post(String path, JsonObject body) {
        return json(request("POST", path, Map.of(), body.toString(), Duration.ZERO));
    }

    JsonObject postText(String path, Map<String, String> query, String body) {
        return json(request("POST", path, query, body, Duration.ZERO));
    }

    public void put(String path) {
        request("PUT", path, Map.of(), "", Duration.ZERO);
    }

    public void delete(String path) {
        request("DELETE", path, Map.of(), null, Duration.ZERO);
    }

    private String request(String method, String path, Map<String, String> query, String body, Duration wait) {
        Map<String, String> parameters = new LinkedHashMap<>(query);
        if (hub != null) {
            parameters.put("hub", hub);
        }
        String target = url + "/_emulator/" + path;
        if (!parameters.isEmpty()) {
            target += parameters.entrySet().stream().map(each -> encoded(each.getKey()) + "=" + encoded(each.getValue()))
                    .collect(Collectors.joining("&", "?", ""));
        }
        try {
            // A proxy for the internet would not find this machine.
            HttpURLConnection connection = (HttpURLConnection) URI.create(target).toURL().openConnection(Proxy.NO_PROXY);
            connection.setRequestMethod(method);
            connection.setConnectTimeout((int) ANSWER_WITHIN.toMillis());
            connection.setReadTimeout((int) wait.plus(ANSWER_WITHIN).toMillis());
            if (token != null) {
                connection.setRequestProperty("Authorization", "Bearer " + token);
            }
            if (body != null) {
                connection.setDoOutput(true);
                connection.setRequestProperty("Content-Type", body.startsWith("{") ? "application/json" : "application/yaml");
                connection.getOutputStream().write(body.getBytes(StandardCharsets.UTF_8));
            }
            int status = connection.getResponseCode();
            String text = read(status < 400 ? connection.getInputStream() : connection.getErrorStream());
            if (status >= 300) {
                throw new ControlException(method + " " + target, status, text);
            }
            return text;
        } catch (IOException failure) {
            throw new UncheckedIOException(method + " " + target + ": " + failure.getMessage(), failure);
        }
    }

    private static JsonObject json(String text) {
        return text.isEmpty() ? new JsonObject() : JsonParser.parseString(text).getAsJsonObject();
    }

    private static String read(InputStream stream) throws IOException {
        if (stream == null) {
            return "";
        }
        try (stream) {
            return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    private static String encoded(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8);
    }
}
