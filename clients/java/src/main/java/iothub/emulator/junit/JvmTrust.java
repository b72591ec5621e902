package iothub.emulator.junit;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.LinkedHashMap;
import java.util.Map;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocketFactory;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;

/** Makes this JVM trust an emulator's CA beside what it trusted before, until it is closed. */
final class JvmTrust implements AutoCloseable {
    private static final String PASSWORD = "changeit"; // Java's own default
    private static final String PROPERTY = "javax.net.ssl.trustStore";

    private final Path store;
    private final Map<String, String> propertiesBefore = new LinkedHashMap<>();
    private final SSLContext contextBefore;
    private final SSLSocketFactory socketsBefore;

    JvmTrust(Path folder, String caPem) {
        store = folder.resolve("trust.p12");
        try {
            KeyStore trusted = KeyStore.getInstance("PKCS12");
            trusted.load(null, null);
            int number = 0;
            for (TrustManager each : managersOf(null)) {
                if (each instanceof X509TrustManager manager) {
                    for (X509Certificate certificate : manager.getAcceptedIssuers()) {
                        trusted.setCertificateEntry("before-" + number++, certificate);
                    }
                }
            }
            Certificate authority = CertificateFactory.getInstance("X.509")
                    .generateCertificate(new ByteArrayInputStream(caPem.getBytes(StandardCharsets.US_ASCII)));
            trusted.setCertificateEntry("iothub-emulator", authority);
            try (OutputStream file = Files.newOutputStream(store)) {
                trusted.store(file, PASSWORD.toCharArray());
            }
            contextBefore = SSLContext.getDefault();
            socketsBefore = HttpsURLConnection.getDefaultSSLSocketFactory();
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(null, managersOf(trusted), null);

            // Clients that make a context of their own read the properties; others take the default one.
            set(PROPERTY, store.toString());
            set(PROPERTY + "Type", "PKCS12");
            set(PROPERTY + "Password", PASSWORD);
            SSLContext.setDefault(context);
            HttpsURLConnection.setDefaultSSLSocketFactory(context.getSocketFactory());
        } catch (GeneralSecurityException | IOException failure) {
            throw new IllegalStateException("cannot make this JVM trust the emulator", failure);
        }
    }

    /** What makes another JVM trust it. */
    String options() {
        return "-D" + PROPERTY + "=" + store + " -D" + PROPERTY + "Type=PKCS12 -D" + PROPERTY + "Password=" + PASSWORD;
    }

    @Override
    public void close() {
        propertiesBefore.forEach((name, value) -> {
            if (value == null) {
                System.clearProperty(name);
            } else {
                System.setProperty(name, value);
            }
        });
        SSLContext.setDefault(contextBefore);
        HttpsURLConnection.setDefaultSSLSocketFactory(socketsBefore);
    }

    private void set(String name, String value) {
        propertiesBefore.put(name, System.setProperty(name, value));
    }

    /** Of a store; null: of the JVM's own. */
    private static TrustManager[] managersOf(KeyStore store) throws GeneralSecurityException {
        TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        factory.init(store);
        return factory.getTrustManagers();
    }
}
