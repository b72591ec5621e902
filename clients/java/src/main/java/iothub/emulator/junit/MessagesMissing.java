package iothub.emulator.junit;

import java.util.List;

/** Fewer messages than wanted came in time. */
public final class MessagesMissing extends AssertionError {
    private static final long serialVersionUID = 1;

    /** Those that came. */
    public final transient List<Message> came;

    MessagesMissing(String text, List<Message> came) {
        super(text);
        this.came = came;
    }
}
