package iothub.emulator.junit;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** An emulator's process with its hubs, which this JVM trusts until it is closed. */
public final class Emulator implements AutoCloseable {
    private static final int START_WITHIN_SECONDS = 60;
    private static final int PORT_NOT_AVAILABLE = 3; // the binary's exit status
    private static final int TRIES = 3;
    /** Of the binary, by environment: they are this class's own to choose. */
    private static final Set<String> OWN_SETTINGS = Set.of("IOTHUB_EMULATOR_CONFIG", "IOTHUB_EMULATOR_DATA",
            "IOTHUB_EMULATOR_IN_MEMORY", "IOTHUB_EMULATOR_CA_DIR", "IOTHUB_EMULATOR_LISTEN", "IOTHUB_EMULATOR_READY_FILE",
            "IOTHUB_EMULATOR_LOG_FORMAT");

    private final Settings settings;
    private final Path folder;
    private final Path caFolder;
    private final Process process; // null: it ran already
    private final Control control;
    private final Hub defaultHub;
    private final JvmTrust jvmTrust; // null: another emulator's holds for it, too
    private final List<Emulator> others = new CopyOnWriteArrayList<>(); // processes with a hub each
    private Map<String, String> trust;

    /** How to start it; null and empty mean the defaults. */
    public record Settings(String binary, List<String> flags, String listen) {
        public Settings() {
            this(null, List.of(), null);
        }

        String program() {
            String named = binary != null ? binary : System.getenv("IOTHUB_BINARY");
            return named != null && !named.isEmpty() ? named : "iothub-emulator";
        }
    }

    private Emulator(Settings settings, Path folder, Path caFolder, Process process, Control control, boolean trusted) {
        this.settings = settings;
        this.folder = folder;
        this.caFolder = caFolder;
        this.process = process;
        this.control = control;
        this.defaultHub = new Hub(this, control, control.get("connection-strings", Map.of()), null);
        this.jvmTrust = trusted ? null : new JvmTrust(folder, control.text("ca.pem"));
    }

    /**
     * A process of its own, in memory, on an address of the loopback that is nobody else's (or that of the settings) and
     * there on the ports that the SDKs look for. It ends with close(), or with this JVM, however that ends.
     */
    public static Emulator start(Settings settings) {
        return start(settings, null);
    }

    private static Emulator start(Settings settings, Path trustedCaFolder) {
        Path folder = newFolder();
        try {
            Path caFolder = trustedCaFolder != null ? trustedCaFolder : folder.resolve("ca");
            for (int tries = 1;; ++tries) {
                String address = settings.listen() != null ? settings.listen() : freshAddress();
                Process process = startProcess(settings, caFolder, address, folder);
                if (process.isAlive()) {
                    Control control = new Control(portalOf(folder, address), controlToken(), null);
                    return new Emulator(settings, folder, caFolder, process, control, trustedCaFolder != null);
                }
                boolean again = process.exitValue() == PORT_NOT_AVAILABLE && settings.listen() == null && tries < TRIES;
                if (!again) {
                    String log = Files.readString(folder.resolve("hub.log"));
                    throw new IllegalStateException(
                            settings.program() + " ended with status " + process.exitValue() + ":\n" + log);
                }
            }
        } catch (IOException failure) {
            delete(folder);
            throw new UncheckedIOException(failure);
        } catch (RuntimeException failure) {
            delete(folder);
            throw failure;
        }
    }

    /** One that runs: its control API's address, as http://localhost:8890. It is left running. */
    public static Emulator running(String url) {
        Path folder = newFolder();
        try {
            return new Emulator(new Settings(), folder, null, null, new Control(url, controlToken(), null), false);
        } catch (UncheckedIOException | ControlException failure) {
            delete(folder);
            throw new IllegalStateException("no emulator answers at " + url + ": " + failure.getMessage(), failure);
        }
    }

    /** The hub that is there from the beginning. */
    public Hub defaultHub() {
        return defaultHub;
    }

    public Control control() {
        return control;
    }

    /** A hub with nothing in it. Where the emulator has no second address to give, it is a process of its own. */
    public Hub newHub() {
        try {
            return added(control.post("hubs", new JsonObject()));
        } catch (ControlException refusal) {
            if (refusal.status != 404 && refusal.status != 500 && refusal.status != 501) {
                throw refusal;
            }
            return hubOfAnotherProcess();
        }
    }

    /** A hub that begins with a snapshot (Hub.save). */
    public Hub newHub(String snapshot) {
        return added(control.post("snapshots/" + snapshot + "/fork", new JsonObject()));
    }

    private Hub added(JsonObject strings) {
        String name = strings.get("hub").getAsString();
        return new Hub(this, control.of(name), strings, () -> control.delete("hubs/" + name));
    }

    Hub hubOfAnotherProcess() {
        Emulator other = start(new Settings(settings.binary(), settings.flags(), null), caFolder);
        others.add(other);
        return new Hub(other, other.control, other.control.get("connection-strings", Map.of()), other::close);
    }

    /** Variables by which programs trust its hubs; as {@code iothub-emulator env} gives them, of an own process. */
    synchronized Map<String, String> trust() {
        if (trust == null) {
            trust = process != null ? ownTrust() : Map.of("JAVA_TOOL_OPTIONS", jvmTrust.options());
        }
        return trust;
    }

    private Map<String, String> ownTrust() {
        try {
            ProcessBuilder env =
                    new ProcessBuilder(settings.program(), "env", "--format", "json", "--ca-dir", caFolder.toString());
            prepare(env.environment(), folder);
            Process printing = env.redirectError(ProcessBuilder.Redirect.appendTo(folder.resolve("hub.log").toFile())).start();
            String printed = new String(printing.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            Map<String, String> variables = new LinkedHashMap<>();
            for (Map.Entry<String, JsonElement> each : JsonParser.parseString(printed).getAsJsonObject().entrySet()) {
                variables.put(each.getKey(), each.getValue().getAsString());
            }
            variables.keySet().removeAll(Set.of("IOTHUB_CONNECTION_STRING", "EVENTHUB_CONNECTION_STRING", "IOTHUB_POLICIES"));
            return variables;
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    /** What an own process has logged. */
    public String log() {
        try {
            return process == null ? "" : Files.readString(folder.resolve("hub.log"));
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    long pid() {
        return process.pid();
    }

    /** Ends the process, if it is an own one. */
    @Override
    public void close() {
        others.forEach(Emulator::close);
        if (jvmTrust != null) {
            jvmTrust.close();
        }
        if (process != null) {
            try {
                process.getOutputStream().close(); // The command of `exec` reads its end, and `exec` ends with it.
                if (!process.waitFor(10, TimeUnit.SECONDS)) {
                    process.destroyForcibly();
                }
            } catch (IOException failure) {
                process.destroyForcibly();
            } catch (InterruptedException interrupted) {
                process.destroyForcibly();
                Thread.currentThread().interrupt();
            }
        }
        delete(folder);
    }

    /** Of the loopback, and nobody else's. Not 127.0.0.*: there the hubs of a process get their addresses from. */
    private static String freshAddress() {
        ThreadLocalRandom random = ThreadLocalRandom.current();
        return "127." + random.nextInt(1, 255) + "." + random.nextInt(1, 255) + "." + random.nextInt(1, 255);
    }

    private static String portalOf(Path folder, String address) throws IOException {
        String running = Files.readString(folder.resolve("iothub-emulator").resolve("running.json"));
        int port = JsonParser.parseString(running).getAsJsonObject().getAsJsonObject("ports").get("portal").getAsInt();
        String host = address.equals("*") ? "localhost" : address.contains(":") ? "[" + address + "]" : address;
        return "http://" + host + ":" + port;
    }

    private static String controlToken() {
        return System.getenv("IOTHUB_EMULATOR_CONTROL_TOKEN");
    }

    /**
     * {@code exec -- cat} runs a hub for as long as its standard input is open: until close(), or until this JVM is no more.
     * That {@code cat} echoes says that the hub serves. Gives the process, ended if it does not.
     */
    private static Process startProcess(Settings settings, Path caFolder, String address, Path folder) throws IOException {
        List<String> command = new ArrayList<>(List.of(settings.program(), "exec"));
        command.addAll(settings.flags());
        command.addAll(Arrays.asList("--ca-dir", caFolder.toString(), "--listen", address, "--", "cat"));
        ProcessBuilder builder = new ProcessBuilder(command);
        prepare(builder.environment(), folder);
        File log = folder.resolve("hub.log").toFile();
        Process process;
        try {
            process = builder.redirectError(ProcessBuilder.Redirect.appendTo(log)).start();
        } catch (IOException failure) {
            throw new IllegalStateException("cannot run '" + settings.program()
                    + "': name the binary in IOTHUB_BINARY, or a hub that runs in IOTHUB_CONTROL_URL", failure);
        }
        CompletableFuture<Void> tooLate = CompletableFuture.runAsync(process::destroyForcibly,
                CompletableFuture.delayedExecutor(START_WITHIN_SECONDS, TimeUnit.SECONDS));
        BufferedReader echo = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
        try {
            process.getOutputStream().write("ready\n".getBytes(StandardCharsets.UTF_8));
            process.getOutputStream().flush();
        } catch (IOException ended) {
            // It ends: so says what is read.
        }
        try {
            if (echo.readLine() == null) {
                process.waitFor();
            }
        } catch (InterruptedException interrupted) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", interrupted);
        } finally {
            tooLate.cancel(false);
        }
        return process;
    }

    /** Settings of the binary by environment stay, but for those that would lead it out of the folder. */
    private static void prepare(Map<String, String> environment, Path folder) {
        environment.keySet().removeAll(OWN_SETTINGS);
        environment.put("XDG_DATA_HOME", folder.toString());
    }

    private static Path newFolder() {
        try {
            return Files.createTempDirectory("iothub-emulator-");
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    private static void delete(Path folder) {
        try (Stream<Path> all = Files.walk(folder)) {
            all.sorted(Comparator.reverseOrder()).map(Path::toFile).forEach(File::delete);
        } catch (IOException | UncheckedIOException gone) {
            // Somebody else has deleted it.
        }
    }
}
