package iothub.emulator.junit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonArray;
import com.microsoft.azure.sdk.iot.service.registry.Device;
import com.microsoft.azure.sdk.iot.service.registry.RegistryClient;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** The emulator's coming and going. */
class EmulatorTest {
    private static Emulator started(String... flags) {
        return Emulator.start(new Emulator.Settings(null, List.of(flags), null));
    }

    private static JsonArray hubsOf(Emulator emulator) {
        return emulator.control().get("hubs", Map.of()).getAsJsonArray("hubs");
    }

    @Test
    void anEmulatorThatRunsIsUsedTrustedAndLeft() throws Exception {
        try (Emulator own = started()) {
            try (Emulator running = Emulator.running(own.control().url()); Hub hub = running.newHub()) {
                new RegistryClient(hub.connectionString()).addDevice(new Device("d1"));
                assertTrue(hub.environment().get("JAVA_TOOL_OPTIONS").contains("trust.p12"));
                assertEquals(2, hubsOf(own).size());
            }
            assertEquals(1, hubsOf(own).size());
        }
    }

    @Test
    void trustIsTakenBackWithTheEmulator() {
        String before = System.getProperty("javax.net.ssl.trustStore");
        try (Emulator own = started()) {
            assertNotEquals(before, System.getProperty("javax.net.ssl.trustStore"));
        }
        assertEquals(before, System.getProperty("javax.net.ssl.trustStore"));
    }

    @Test
    void flagsAreHandedToTheEmulator() {
        try (Emulator own = started("--partitions", "2")) {
            assertEquals(2, own.defaultHub().now().split("\\.").length);
        }
    }

    @Test
    void whatIsWrongWithTheBinaryIsSaid() {
        Emulator.Settings none = new Emulator.Settings("no-such-program", List.of(), null);
        String text = assertThrows(IllegalStateException.class, () -> Emulator.start(none)).getMessage();
        assertTrue(text.contains("no-such-program") && text.contains("IOTHUB_BINARY"), text);
        text = assertThrows(IllegalStateException.class, () -> started("--no-such-flag")).getMessage();
        assertTrue(text.contains("status 2") && text.contains("--no-such-flag"), text);
        text = assertThrows(IllegalStateException.class, () -> Emulator.running("http://127.77.0.3:8890")).getMessage();
        assertTrue(text.contains("no emulator answers at"), text);
    }

    @Test
    void whereAProcessHasNoSecondHubAnotherProcessIsStarted() throws Exception {
        try (Emulator own = started(); Hub hub = own.hubOfAnotherProcess()) {
            assertNotEquals(own.defaultHub().name(), hub.name());
            new RegistryClient(hub.connectionString()).addDevice(new Device("trusted-too"));
        }
    }

    @Test
    void anEmulatorEndsWithAJvmThatIsKilled() throws Exception {
        Process jvm = new ProcessBuilder(ProcessHandle.current().info().command().orElseThrow(), "-cp",
                System.getProperty("java.class.path"), Starts.class.getName()).redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        long pid = Long.parseLong(new BufferedReader(new InputStreamReader(jvm.getInputStream())).readLine());
        ProcessHandle emulator = ProcessHandle.of(pid).orElseThrow();
        jvm.destroyForcibly();
        emulator.onExit().get(10, TimeUnit.SECONDS);
        assertFalse(emulator.isAlive());
    }

    /** A program that starts one and waits. */
    static final class Starts {
        public static void main(String[] arguments) throws Exception {
            System.out.println(started().pid());
            Thread.sleep(60_000);
        }
    }
}
