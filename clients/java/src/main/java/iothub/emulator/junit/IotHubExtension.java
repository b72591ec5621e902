package iothub.emulator.junit;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ExtensionContext.Namespace;
import org.junit.jupiter.api.extension.ExtensionContext.Store;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;

/**
 * Gives tests the hubs that they ask for by a parameter of type {@link Hub}: in a test method, {@code @BeforeEach} and
 * {@code @AfterEach} the hub of this test, made for it and removed after it; in a constructor and {@code @BeforeAll} one
 * for the class; where it is {@link Shared @Shared}, one for the whole run. A parameter of type {@link Emulator} is what
 * they are all of: the emulator that IOTHUB_CONTROL_URL names, else one that is started with the first test that asks.
 *
 * <p>Configuration parameters (junit-platform.properties or system properties): {@code iothub.binary},
 * {@code iothub.flags}, {@code iothub.listen}, {@code iothub.control-url}.
 */
public final class IotHubExtension implements ParameterResolver {
    private static final Namespace NAMESPACE = Namespace.create(IotHubExtension.class);

    @Override
    public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
        Class<?> type = parameter.getParameter().getType();
        return type == Hub.class || type == Emulator.class;
    }

    @Override
    public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
        Emulator emulator = emulatorOf(context);
        if (parameter.getParameter().getType() == Emulator.class) {
            return emulator;
        }
        if (parameter.isAnnotated(Shared.class)) {
            return emulator.defaultHub();
        }
        // A test's context also finds what its class's context has: hence two keys.
        String key = context.getTestMethod().isPresent() ? "hub of the test" : "hub of " + context.getRequiredTestClass().getName();
        return context.getStore(NAMESPACE)
                .getOrComputeIfAbsent(key, made -> new Closing<>(newHub(emulator, context)), Closing.class).value();
    }

    private static Emulator emulatorOf(ExtensionContext context) {
        return (Emulator) context.getRoot().getStore(NAMESPACE)
                .getOrComputeIfAbsent("emulator", made -> new Closing<>(findOrStart(context)), Closing.class).value();
    }

    private static Emulator findOrStart(ExtensionContext context) {
        String url = context.getConfigurationParameter("iothub.control-url").orElse(System.getenv("IOTHUB_CONTROL_URL"));
        if (url != null && !url.isEmpty()) {
            return Emulator.running(url);
        }
        List<String> flags = new ArrayList<>(
                Arrays.asList(context.getConfigurationParameter("iothub.flags").orElse("").trim().split("\\s+")));
        flags.remove("");
        return Emulator.start(new Emulator.Settings(context.getConfigurationParameter("iothub.binary").orElse(null), flags,
                context.getConfigurationParameter("iothub.listen").orElse(null)));
    }

    private static Hub newHub(Emulator emulator, ExtensionContext context) {
        Hub hub = emulator.newHub();
        try {
            Deque<Class<?>> classes = new ArrayDeque<>();
            for (Class<?> each = context.getRequiredTestClass(); each != null; each = each.getEnclosingClass()) {
                classes.addFirst(each);
            }
            for (Class<?> each : classes) {
                apply(each.getAnnotation(Seed.class), each, hub);
            }
            context.getTestMethod().ifPresent(
                    method -> apply(method.getAnnotation(Seed.class), context.getRequiredTestClass(), hub));
            return hub;
        } catch (RuntimeException failure) {
            hub.close();
            throw failure;
        }
    }

    private static void apply(Seed seed, Class<?> beside, Hub hub) {
        for (String name : seed == null ? new String[0] : seed.value()) {
            try (InputStream resource = beside.getResourceAsStream(name)) {
                if (resource == null) {
                    throw new IllegalArgumentException("there is no resource " + name + " beside " + beside.getName());
                }
                hub.seed(new String(resource.readAllBytes(), StandardCharsets.UTF_8), name);
            } catch (IOException failure) {
                throw new UncheckedIOException(failure);
            }
        }
    }

    /** JUnit closes it with the context that it is stored in: from 5.13 on an AutoCloseable, before that the other. */
    @SuppressWarnings("deprecation")
    private record Closing<T extends AutoCloseable>(T value) implements Store.CloseableResource, AutoCloseable {
        @Override
        public void close() throws Exception {
            value.close();
        }
    }
}
