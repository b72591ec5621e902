package iothub.emulator;

import static iothub.emulator.Hub.eventually;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.azure.core.util.BinaryData;
import com.azure.storage.blob.BlobClient;
import com.azure.storage.blob.BlobClientBuilder;
import com.azure.storage.blob.models.BlobErrorCode;
import com.azure.storage.blob.models.BlobRange;
import com.azure.storage.blob.models.BlobStorageException;
import com.microsoft.azure.sdk.iot.device.DeviceClient;
import com.microsoft.azure.sdk.iot.device.FileUploadCompletionNotification;
import com.microsoft.azure.sdk.iot.device.FileUploadSasUriRequest;
import com.microsoft.azure.sdk.iot.device.FileUploadSasUriResponse;
import com.microsoft.azure.sdk.iot.service.messaging.AcknowledgementType;
import com.microsoft.azure.sdk.iot.service.messaging.FileUploadNotification;
import com.microsoft.azure.sdk.iot.service.messaging.FileUploadNotificationProcessorClient;
import com.microsoft.azure.sdk.iot.service.messaging.IotHubServiceClientProtocol;
import com.microsoft.azure.sdk.iot.service.registry.Device;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.net.URI;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** A device asks where a file goes, azure-storage-blob brings it to the hub's own endpoint, the service is notified. */
class FileUploadTest {
    /** Of each device, the last one. */
    private static final Map<String, FileUploadNotification> NOTIFICATIONS = new ConcurrentHashMap<>();

    private static final FileUploadNotificationProcessorClient SERVICE = new FileUploadNotificationProcessorClient(
            Hub.CONNECTION_STRING, IotHubServiceClientProtocol.AMQPS, notification -> {
                NOTIFICATIONS.put(notification.getDeviceId(), notification);
                return AcknowledgementType.COMPLETE;
            });

    @BeforeAll
    static void listen() throws Exception {
        SERVICE.start();
    }

    @AfterAll
    static void stop() throws Exception {
        SERVICE.stop();
    }

    private final Device device;
    private final DeviceClient client;

    FileUploadTest() throws Exception {
        device = Hub.newDevice();
        client = Hub.clientOf(device);
    }

    private static BlobClient blobAt(URI uri) {
        return new BlobClientBuilder().endpoint(uri.toString()).buildClient();
    }

    private FileUploadNotification notification() throws Exception {
        eventually("the notification comes", () -> NOTIFICATIONS.containsKey(device.getDeviceId()));
        return NOTIFICATIONS.get(device.getDeviceId());
    }

    @Test
    void aFileGoesUpInBlocksIsReadBackAndTheServiceIsNotified() throws Exception {
        FileUploadSasUriResponse response = client.getFileUploadSasUri(new FileUploadSasUriRequest("folder/file.bin"));
        assertEquals(device.getDeviceId() + "/folder/file.bin", response.getBlobName());
        byte[] content = new byte[9_000_000];
        new Random(1).nextBytes(content);
        BlobClient blob = blobAt(response.getBlobUri());
        blob.upload(new ByteArrayInputStream(content), content.length);
        client.completeFileUpload(new FileUploadCompletionNotification(response.getCorrelationId(), true));

        FileUploadNotification notification = notification();
        assertEquals(content.length, notification.getBlobSizeInBytes());
        assertEquals(response.getBlobName(), notification.getBlobName());

        assertArrayEquals(content, blob.downloadContent().toBytes());
        ByteArrayOutputStream part = new ByteArrayOutputStream();
        blob.downloadStreamWithResponse(part, new BlobRange(10, 5L), null, null, false, null, null);
        assertArrayEquals(Arrays.copyOfRange(content, 10, 15), part.toByteArray());
        blob.upload(BinaryData.fromString("again"), true);
        assertEquals(5, blob.getProperties().getBlobSize());
    }

    @Test
    void aNameWithASpaceGoesUpOnceItsPlusIsASpaceAgain() throws Exception {
        FileUploadSasUriResponse response = client.getFileUploadSasUri(new FileUploadSasUriRequest("file 1.txt"));
        // getBlobUri() encodes as HTML forms do; in a path `+` is a plus, here as in the real storage.
        URI uri = response.getBlobUri();
        BlobStorageException refusal = assertThrows(
                BlobStorageException.class, () -> blobAt(uri).upload(BinaryData.fromString("hello")));
        assertEquals(403, refusal.getStatusCode());
        blobAt(URI.create(uri.toString().replace("+", "%20"))).upload(BinaryData.fromString("hello"));
        client.completeFileUpload(new FileUploadCompletionNotification(response.getCorrelationId(), true));
        assertEquals(response.getBlobName(), notification().getBlobName());
    }

    @Test
    void theTokenOfOneBlobOpensNoOther() throws Exception {
        FileUploadSasUriResponse response = client.getFileUploadSasUri(new FileUploadSasUriRequest("mine.txt"));
        URI other = URI.create(response.getBlobUri().toString().replace("mine.txt", "yours.txt"));
        BlobStorageException refusal = assertThrows(
                BlobStorageException.class, () -> blobAt(other).upload(BinaryData.fromString("hello")));
        assertEquals(BlobErrorCode.AUTHENTICATION_FAILED, refusal.getErrorCode());
    }
}
