package iothub.emulator;

import static iothub.emulator.Hub.eventually;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.azure.core.util.BinaryData;
import com.azure.storage.blob.BlobClient;
import com.azure.storage.blob.BlobClientBuilder;
import com.azure.storage.blob.models.BlobRange;
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
import java.util.List;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;

/** A device asks where a file goes, azure-storage-blob uploads it to the hub's own endpoint, the service side is notified. */
class FileUploadTest {
    private final List<FileUploadNotification> notifications = new CopyOnWriteArrayList<>();

    @Test
    void aFileGoesUpAndTheServiceIsNotified() throws Exception {
        FileUploadNotificationProcessorClient service = new FileUploadNotificationProcessorClient(
                Hub.CONNECTION_STRING, IotHubServiceClientProtocol.AMQPS, notification -> {
                    notifications.add(notification);
                    return AcknowledgementType.COMPLETE;
                });
        service.start();
        try {
            Device device = Hub.newDevice();
            DeviceClient client = Hub.clientOf(device);
            FileUploadSasUriResponse response = client.getFileUploadSasUri(new FileUploadSasUriRequest("folder/file 1.bin"));
            assertEquals(device.getDeviceId() + "/folder/file 1.bin", response.getBlobName());
            byte[] content = new byte[9_000_000];
            new Random(1).nextBytes(content);
            BlobClient blob = new BlobClientBuilder().endpoint(response.getBlobUri().toString()).buildClient();
            blob.upload(new ByteArrayInputStream(content), content.length);
            client.completeFileUpload(new FileUploadCompletionNotification(response.getCorrelationId(), true));

            assertArrayEquals(content, blob.downloadContent().toBytes());
            ByteArrayOutputStream part = new ByteArrayOutputStream();
            blob.downloadStreamWithResponse(part, new BlobRange(10, 5L), null, null, false, null, null);
            assertArrayEquals(java.util.Arrays.copyOfRange(content, 10, 15), part.toByteArray());
            blob.upload(BinaryData.fromString("again"), true);
            assertEquals(5, blob.getProperties().getBlobSize());

            eventually("the notification comes", () -> notifications.stream()
                    .anyMatch(notification -> notification.getDeviceId().equals(device.getDeviceId())));
            FileUploadNotification notification = notifications.stream()
                    .filter(each -> each.getDeviceId().equals(device.getDeviceId()))
                    .findFirst()
                    .orElseThrow();
            assertEquals(content.length, notification.getBlobSizeInBytes());
            assertEquals(response.getBlobName(), notification.getBlobName());
        } finally {
            service.stop();
        }
    }
}
