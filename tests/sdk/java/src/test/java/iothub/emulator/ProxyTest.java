package iothub.emulator;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.microsoft.azure.sdk.iot.device.ClientOptions;
import com.microsoft.azure.sdk.iot.device.DeviceClient;
import com.microsoft.azure.sdk.iot.device.IotHubClientProtocol;
import com.microsoft.azure.sdk.iot.device.Message;
import com.microsoft.azure.sdk.iot.device.ProxySettings;
import com.microsoft.azure.sdk.iot.service.registry.Device;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Devices behind an HTTP proxy: CONNECT, then TLS and the protocol as everywhere. */
class ProxyTest {
    /** A forward proxy that knows CONNECT alone. */
    private static final class ConnectProxy implements AutoCloseable {
        final List<String> asked = new CopyOnWriteArrayList<>();
        private final ServerSocket listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());

        ConnectProxy() throws IOException {
            start(() -> {
                while (true) {
                    Socket client = listener.accept();
                    start(() -> serve(client));
                }
            });
        }

        ProxySettings settings() {
            return new ProxySettings(new Proxy(
                    Proxy.Type.HTTP, new InetSocketAddress(listener.getInetAddress(), listener.getLocalPort())));
        }

        private interface Work {
            void run() throws IOException;
        }

        /** Until a socket of it is closed. */
        private static void start(Work work) {
            Thread thread = new Thread(() -> {
                try {
                    work.run();
                } catch (IOException closed) {
                    // The end of this link, or of the proxy.
                }
            });
            thread.setDaemon(true);
            thread.start();
        }

        private void serve(Socket client) throws IOException {
            StringBuilder head = new StringBuilder();
            InputStream in = client.getInputStream();
            // Not one byte more than the head: what follows belongs to the tunnel.
            while (head.indexOf("\r\n\r\n") < 0) {
                int next = in.read();
                if (next < 0) return;
                head.append((char) next);
            }
            String[] request = head.substring(0, head.indexOf("\r\n")).split(" ");
            asked.add(request[0] + " " + request[1]);
            int colon = request[1].lastIndexOf(':');
            try (client;
                    Socket server = new Socket(
                            request[1].substring(0, colon), Integer.parseInt(request[1].substring(colon + 1)))) {
                client.getOutputStream()
                        .write("HTTP/1.1 200 Connection established\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
                start(() -> server.getInputStream().transferTo(client.getOutputStream()));
                in.transferTo(server.getOutputStream());
            }
        }

        @Override
        public void close() throws IOException {
            listener.close();
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"MQTT_WS", "HTTPS"})
    void telemetryGoesThroughTheProxy(IotHubClientProtocol protocol) throws Exception {
        Device device = Hub.newDevice();
        try (ConnectProxy proxy = new ConnectProxy()) {
            DeviceClient client = new DeviceClient(
                    Hub.connectionString(device.getDeviceId(), ";SharedAccessKey=" + device.getPrimaryKey()),
                    protocol,
                    ClientOptions.builder().proxySettings(proxy.settings()).build());
            try {
                client.open(false);
                client.sendEvent(new Message("through the proxy"));
                assertEquals("through the proxy", Telemetry.body(Telemetry.of(device.getDeviceId(), 1).get(0)));
                // Java may have looked up the address's name.
                assertTrue(proxy.asked.get(0).matches("CONNECT (127\\.0\\.0\\.1|localhost):443"), proxy.asked.get(0));
            } finally {
                client.close();
            }
        }
    }
}
