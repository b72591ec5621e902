package iothub.emulator.junit;

import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;

/** The control API refused. */
public final class ControlException extends RuntimeException {
    private static final long serialVersionUID = 1;

    /** HTTP's. */
    public final int status;
    /** The hub's, as 404001; 0 where something else answered. */
    public final int code;

    ControlException(String request, int status, String text) {
        this(request, status, text, errorOf(text));
    }

    private ControlException(String request, int status, String text, JsonObject error) {
        super(request + ": " + status + " " + (error.has("message") ? error.get("message").getAsString() : text)
                + (error.has("hint") ? " (" + error.get("hint").getAsString() + ")" : ""));
        this.status = status;
        this.code = error.has("code") ? error.get("code").getAsInt() : 0;
    }

    private static JsonObject errorOf(String text) {
        try {
            return JsonParser.parseString(text).getAsJsonObject().getAsJsonObject("error");
        } catch (JsonParseException | IllegalStateException | ClassCastException noJson) {
            return new JsonObject();
        }
    }
}
