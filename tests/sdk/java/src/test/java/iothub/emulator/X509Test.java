package iothub.emulator;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.microsoft.azure.sdk.iot.device.ClientOptions;
import com.microsoft.azure.sdk.iot.device.DeviceClient;
import com.microsoft.azure.sdk.iot.device.IotHubClientProtocol;
import com.microsoft.azure.sdk.iot.device.IotHubStatusCode;
import com.microsoft.azure.sdk.iot.device.Message;
import com.microsoft.azure.sdk.iot.device.exceptions.IotHubClientException;
import com.microsoft.azure.sdk.iot.service.auth.AuthenticationType;
import com.microsoft.azure.sdk.iot.service.registry.Device;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.util.HexFormat;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A device with a certificate that it signed itself. */
class X509Test {
    private static final char[] PASSWORD = "changeit".toCharArray();

    private static KeyStore own;
    private static KeyStore another;

    @BeforeAll
    static void makeCertificates(@TempDir Path folder) throws Exception {
        own = selfSigned(folder.resolve("own.p12"));
        another = selfSigned(folder.resolve("another.p12"));
    }

    /** By the JDK's keytool, which sits beside the JVM. */
    private static KeyStore selfSigned(Path file) throws Exception {
        Process keytool = new ProcessBuilder(
                        System.getProperty("java.home") + "/bin/keytool", "-genkeypair", "-alias", "device", "-keyalg", "EC",
                        "-groupname", "secp256r1", "-dname", "CN=device", "-validity", "2", "-storetype", "PKCS12",
                        "-keystore", file.toString(), "-storepass", new String(PASSWORD))
                .redirectErrorStream(true)
                .start();
        String said = new String(keytool.getInputStream().readAllBytes());
        assertEquals(0, keytool.waitFor(), said);
        KeyStore store = KeyStore.getInstance("PKCS12");
        try (InputStream in = Files.newInputStream(file)) {
            store.load(in, PASSWORD);
        }
        return store;
    }

    private static String sha1(KeyStore store) throws Exception {
        byte[] digest = MessageDigest.getInstance("SHA-1").digest(store.getCertificate("device").getEncoded());
        return HexFormat.of().withUpperCase().formatHex(digest);
    }

    private static String newDevice() throws Exception {
        Device device = new Device(Hub.newId("device"), AuthenticationType.SELF_SIGNED);
        device.setThumbprint(sha1(own), sha1(own));
        return Hub.registry().addDevice(device).getDeviceId();
    }

    private static DeviceClient clientOf(String deviceId, KeyStore store, IotHubClientProtocol protocol)
            throws Exception {
        KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        keys.init(store, PASSWORD);
        SSLContext context = SSLContext.getInstance("TLSv1.2");
        context.init(keys.getKeyManagers(), null, null);
        ClientOptions options = ClientOptions.builder().sslContext(context).build();
        return new DeviceClient(Hub.connectionString(deviceId, ";x509=true"), protocol, options);
    }

    @ParameterizedTest
    @EnumSource(names = {"MQTT", "MQTT_WS", "HTTPS", "AMQPS"})
    void aRegisteredThumbprintOpensItsDevice(IotHubClientProtocol protocol) throws Exception {
        String id = newDevice();
        DeviceClient client = clientOf(id, own, protocol);
        try {
            client.open(false);
            client.sendEvent(new Message("by certificate"));
            assertEquals("by certificate", Telemetry.body(Telemetry.of(id, 1).get(0)));
        } finally {
            client.close();
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"MQTT", "MQTT_WS", "HTTPS", "AMQPS"})
    void anotherCertificateIsUnauthorized(IotHubClientProtocol protocol) throws Exception {
        DeviceClient client = clientOf(newDevice(), another, protocol);
        try {
            IotHubClientException refusal = assertThrows(IotHubClientException.class, () -> {
                client.open(false);
                client.sendEvent(new Message("over HTTPS the first word is this"));
            });
            assertEquals(IotHubStatusCode.UNAUTHORIZED, refusal.getStatusCode());
        } finally {
            client.close();
        }
    }
}
