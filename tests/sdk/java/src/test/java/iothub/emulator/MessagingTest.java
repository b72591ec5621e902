package iothub.emulator;

import static iothub.emulator.Hub.eventually;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.microsoft.azure.sdk.iot.device.DeviceClient;
import com.microsoft.azure.sdk.iot.device.IotHubClientProtocol;
import com.microsoft.azure.sdk.iot.device.IotHubMessageResult;
import com.microsoft.azure.sdk.iot.device.ModuleClient;
import com.microsoft.azure.sdk.iot.service.exceptions.IotHubDeviceMaximumQueueDepthExceededException;
import com.microsoft.azure.sdk.iot.service.exceptions.IotHubNotFoundException;
import com.microsoft.azure.sdk.iot.service.messaging.AcknowledgementType;
import com.microsoft.azure.sdk.iot.service.messaging.DeliveryAcknowledgement;
import com.microsoft.azure.sdk.iot.service.messaging.FeedbackRecord;
import com.microsoft.azure.sdk.iot.service.messaging.FeedbackStatusCode;
import com.microsoft.azure.sdk.iot.service.messaging.IotHubServiceClientProtocol;
import com.microsoft.azure.sdk.iot.service.messaging.Message;
import com.microsoft.azure.sdk.iot.service.messaging.MessageFeedbackProcessorClient;
import com.microsoft.azure.sdk.iot.service.messaging.MessagingClient;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The service's messaging client over AMQP: sending, its refusals, and the feedback. */
class MessagingTest {
    @ParameterizedTest
    @EnumSource
    void aMessageReachesAModuleOnItsInputLink(IotHubServiceClientProtocol protocol) throws Exception {
        MessagingClient service = new MessagingClient(Hub.CONNECTION_STRING, protocol);
        service.open();
        try (Party party = new Party(Hub.Kind.MODULE, IotHubClientProtocol.AMQPS)) {
            List<String> received = new CopyOnWriteArrayList<>();
            ((ModuleClient) party.client)
                    .setMessageCallback(
                            (message, context) -> {
                                received.add(new String(message.getBytes()));
                                return IotHubMessageResult.COMPLETE;
                            },
                            null);
            party.client.open(false);
            service.send(party.deviceId, party.moduleId, new Message("for the module"));
            eventually("it comes", () -> received.equals(List.of("for the module")));
        } finally {
            service.close();
        }
    }

    @ParameterizedTest
    @EnumSource
    void anUnknownDeviceAndAFullQueueHaveExceptionsOfTheirOwn(IotHubServiceClientProtocol protocol) throws Exception {
        MessagingClient service = new MessagingClient(Hub.CONNECTION_STRING, protocol);
        service.open();
        try {
            assertThrows(
                    IotHubNotFoundException.class, () -> service.send(Hub.newId("stranger"), new Message("x")));
            String id = Hub.newDevice().getDeviceId();
            for (int i = 0; i < 50; ++i) service.send(id, new Message("waits"));
            assertThrows(
                    IotHubDeviceMaximumQueueDepthExceededException.class, () -> service.send(id, new Message("x")));
        } finally {
            service.close();
        }
    }

    /** One protocol after the other: a batch of feedback goes to any one of the hub's receivers. */
    @Test
    void feedbackTellsWhatBecameOfAMessage() throws Exception {
        for (IotHubServiceClientProtocol protocol : IotHubServiceClientProtocol.values()) feedbackComesOver(protocol);
    }

    private static void feedbackComesOver(IotHubServiceClientProtocol protocol) throws Exception {
        Map<String, FeedbackRecord> told = new ConcurrentHashMap<>();
        MessageFeedbackProcessorClient feedback =
                new MessageFeedbackProcessorClient(Hub.CONNECTION_STRING, protocol, batch -> {
                    for (FeedbackRecord record : batch.getRecords()) {
                        // A message of another test had none; a callback that throws gives the batch back.
                        String id = record.getOriginalMessageId();
                        if (id != null) told.put(id, record);
                    }
                    return AcknowledgementType.COMPLETE;
                });
        MessagingClient service = new MessagingClient(Hub.CONNECTION_STRING, protocol);
        feedback.start();
        service.open();
        try (Party party = new Party(Hub.Kind.DEVICE, IotHubClientProtocol.AMQPS)) {
            ((DeviceClient) party.client)
                    .setMessageCallback(
                            (message, context) -> new String(message.getBytes()).equals("good")
                                    ? IotHubMessageResult.COMPLETE
                                    : IotHubMessageResult.REJECT,
                            null);
            party.client.open(false);
            String prefix = Hub.newId("message");
            for (String body : List.of("good", "bad")) {
                Message message = new Message(body);
                message.setMessageId(prefix + body);
                message.setDeliveryAcknowledgement(DeliveryAcknowledgement.Full);
                service.send(party.deviceId, message);
            }
            // A batch leaves 15 s after its first record.
            eventually(
                    "both are told of",
                    30,
                    () -> told.containsKey(prefix + "good") && told.containsKey(prefix + "bad"));
            assertEquals(FeedbackStatusCode.success, told.get(prefix + "good").getStatusCode());
            assertEquals(FeedbackStatusCode.rejected, told.get(prefix + "bad").getStatusCode());
            assertEquals(party.deviceId, told.get(prefix + "good").getDeviceId());
        } finally {
            feedback.stop();
            service.close();
        }
    }
}
