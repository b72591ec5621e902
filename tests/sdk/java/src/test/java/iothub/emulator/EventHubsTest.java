package iothub.emulator;

import static iothub.emulator.Hub.eventually;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.azure.core.amqp.AmqpRetryOptions;
import com.azure.core.amqp.AmqpTransportType;
import com.azure.messaging.eventhubs.EventData;
import com.azure.messaging.eventhubs.EventHubClientBuilder;
import com.azure.messaging.eventhubs.EventHubConsumerAsyncClient;
import com.azure.messaging.eventhubs.EventHubConsumerClient;
import com.azure.messaging.eventhubs.EventHubProperties;
import com.azure.messaging.eventhubs.EventProcessorClient;
import com.azure.messaging.eventhubs.EventProcessorClientBuilder;
import com.azure.messaging.eventhubs.checkpointstore.blob.BlobCheckpointStore;
import com.azure.messaging.eventhubs.models.EventPosition;
import com.azure.storage.blob.BlobContainerAsyncClient;
import com.azure.storage.blob.BlobContainerClientBuilder;
import com.microsoft.azure.sdk.iot.device.IotHubClientProtocol;
import com.microsoft.azure.sdk.iot.device.Message;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import reactor.core.Disposable;

/** The Event-Hubs-compatible endpoint, read with azure-messaging-eventhubs. */
class EventHubsTest {
    private static final String CONNECTION_STRING = System.getenv("EVENTHUB_CONNECTION_STRING");

    /** How a reader comes. */
    enum Way {
        /** On port 5672, as UseDevelopmentEmulator=true asks for. */
        WITHOUT_TLS,
        TLS,
        WEB_SOCKET;

        EventHubClientBuilder builder() {
            EventHubClientBuilder builder = new EventHubClientBuilder()
                    .consumerGroup("$Default")
                    .retryOptions(new AmqpRetryOptions().setMaxRetries(0))
                    .connectionString(
                            this == WITHOUT_TLS
                                    ? CONNECTION_STRING
                                    : CONNECTION_STRING
                                            .replace(";UseDevelopmentEmulator=true", "")
                                            .replaceFirst("(sb://[^/:]+):\\d+", "$1"));
            return this == WEB_SOCKET ? builder.transportType(AmqpTransportType.AMQP_WEB_SOCKETS) : builder;
        }
    }

    private static boolean isOf(Party party, EventData event) {
        return party.deviceId.equals(event.getSystemProperties().get("iothub-connection-device-id"));
    }

    @ParameterizedTest
    @EnumSource
    void theEventHubAndItsPartitionsTellTheirProperties(Way way) {
        try (EventHubConsumerClient consumer = way.builder().buildConsumerClient()) {
            EventHubProperties properties = consumer.getEventHubProperties();
            assertEquals("localhost", properties.getName());
            assertEquals(List.of("0", "1", "2", "3"), properties.getPartitionIds().stream().toList());
            assertEquals("localhost", consumer.getPartitionProperties("3").getEventHubName());
        }
    }

    @ParameterizedTest
    @EnumSource
    void telemetryIsReadFromTheBeginningWithItsProperties(Way way) throws Exception {
        try (Party party = Party.opened(Hub.Kind.DEVICE, IotHubClientProtocol.MQTT);
                EventHubConsumerAsyncClient consumer = way.builder().buildAsyncConsumerClient()) {
            Message message = new Message("{\"temperature\":21}");
            message.setMessageId("m-1");
            message.setContentType("application/json");
            message.setContentEncoding("utf-8");
            message.setProperty("level", "hot");
            party.client.sendEvent(message);

            List<EventData> events = new CopyOnWriteArrayList<>();
            Disposable reading = consumer.receive(true).subscribe(event -> {
                if (isOf(party, event.getData())) events.add(event.getData());
            });
            eventually("the event comes", 20, () -> !events.isEmpty());
            reading.dispose();
            EventData event = events.get(0);
            assertEquals("{\"temperature\":21}", event.getBodyAsString());
            assertEquals("hot", event.getProperties().get("level"));
            assertEquals("m-1", event.getMessageId());
            assertEquals("application/json", event.getContentType());
            assertEquals("Telemetry", event.getSystemProperties().get("iothub-message-source"));
            assertTrue(event.getSequenceNumber() >= 0);
            assertTrue(Duration.between(event.getEnqueuedTime(), Instant.now()).abs().toMinutes() < 5);
        }
    }

    @Test
    void aProcessorGoesOnFromItsCheckpointsInTheHubsOwnBlobs() throws Exception {
        BlobContainerAsyncClient container = new BlobContainerClientBuilder()
                .connectionString("DefaultEndpointsProtocol=https;AccountName=devstoreaccount1;AccountKey="
                        + "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
                        + ";BlobEndpoint=https://127.0.0.1:443/devstoreaccount1")
                .containerName(Hub.newId("checkpoints"))
                .buildAsyncClient();
        container.create().block();
        try (Party party = Party.opened(Hub.Kind.DEVICE, IotHubClientProtocol.MQTT)) {
            party.client.sendEvent(new Message("first"));
            assertEquals(Set.of("first"), processed(container, party, "first"));
            party.client.sendEvent(new Message("second"));
            assertEquals(Set.of("second"), processed(container, party, "second"));
        }
    }

    /** What a new processor hears of a device until the last event comes, each once at least; each is checkpointed. */
    private static Set<String> processed(BlobContainerAsyncClient container, Party party, String last)
            throws Exception {
        List<String> bodies = new CopyOnWriteArrayList<>();
        List<Throwable> errors = new CopyOnWriteArrayList<>();
        EventProcessorClient processor = new EventProcessorClientBuilder()
                .connectionString(CONNECTION_STRING)
                .consumerGroup("processors")
                .checkpointStore(new BlobCheckpointStore(container))
                .loadBalancingUpdateInterval(Duration.ofSeconds(1))
                .initialPartitionEventPosition(partition -> EventPosition.earliest())
                .processEvent(context -> {
                    context.updateCheckpoint();
                    if (isOf(party, context.getEventData())) bodies.add(context.getEventData().getBodyAsString());
                })
                .processError(context -> errors.add(context.getThrowable()))
                .buildEventProcessorClient();
        processor.start();
        try {
            eventually("\"" + last + "\" is processed", 60, () -> bodies.contains(last) || !errors.isEmpty());
        } finally {
            processor.stop();
        }
        assertEquals(List.of(), errors);
        assertFalse(processor.isRunning());
        return Set.copyOf(bodies);
    }
}
