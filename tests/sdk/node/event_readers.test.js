// Events read with @azure/event-hubs 5 and 6: without TLS as EVENTHUB_CONNECTION_STRING asks for, and with it.
'use strict';

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { Message } = require('azure-iot-device');
const { connected, eventually, newIdentity } = require('./support.js');

const versions = { 5: require('event-hubs-5'), 6: require('@azure/event-hubs') };
const plain = process.env.EVENTHUB_CONNECTION_STRING;
const secure = plain.replace(';UseDevelopmentEmulator=true', '').replace(/(sb:\/\/[^/:]+):\d+/, '$1');

/** Collects what a subscription hands out, until the end of the test. */
function subscribed(t, client, options) {
  const events = [];
  const errors = [];
  client.subscribe(
    {
      processEvents: async (batch) => void events.push(...batch),
      processError: async (error) => void errors.push(error),
    },
    options,
  );
  t.after(() => client.close());
  const of = (deviceId) =>
    events.filter(({ systemProperties }) => systemProperties?.['iothub-connection-device-id'] === deviceId);
  return { of, errors };
}

for (const [version, { EventHubConsumerClient, earliestEventPosition, latestEventPosition }] of Object.entries(versions)) {
  for (const [way, connectionString] of Object.entries({ plain, tls: secure })) {
    describe(`@azure/event-hubs ${version}, ${way}`, () => {
      const client = (group = '$Default') =>
        new EventHubConsumerClient(group, connectionString, { retryOptions: { maxRetries: 0 } });

      test('tells the event hub and its partitions', async (t) => {
        const consumer = client();
        t.after(() => consumer.close());
        const properties = await consumer.getEventHubProperties();
        assert.equal(properties.name, 'localhost');
        assert.deepEqual(properties.partitionIds, ['0', '1', '2', '3']);
        const partition = await consumer.getPartitionProperties('0');
        assert.equal(partition.partitionId, '0');
        assert.equal(partition.eventHubName, 'localhost');
      });

      test('reads telemetry from the beginning with its properties', async (t) => {
        const identity = await newIdentity('device');
        const device = await connected(t, identity);
        const message = new Message(JSON.stringify({ temperature: 21 }));
        message.messageId = 'm-1';
        message.contentType = 'application/json';
        message.contentEncoding = 'utf-8';
        message.properties.add('level', 'hot');
        await device.sendEvent(message);

        const reader = subscribed(t, client(), { startPosition: earliestEventPosition, maxWaitTimeInSeconds: 1 });
        await eventually(() => reader.of(identity.deviceId).length === 1, 'the event comes');
        const [event] = reader.of(identity.deviceId);
        assert.deepEqual(event.body, { temperature: 21 });
        assert.equal(event.properties.level, 'hot');
        assert.equal(event.messageId, 'm-1');
        assert.equal(event.contentType, 'application/json');
        assert.equal(event.systemProperties['iothub-message-source'], 'Telemetry');
        assert.equal(typeof event.sequenceNumber, 'number');
        assert.ok(Math.abs(event.enqueuedTimeUtc - Date.now()) < 60_000);
      });

      test('reads from an event on, by sequence number and by offset', async (t) => {
        const identity = await newIdentity('device');
        const device = await connected(t, identity);
        for (const text of ['one', 'two', 'three']) await device.sendEvent(new Message(text));
        const all = subscribed(t, client(), { startPosition: earliestEventPosition, maxWaitTimeInSeconds: 1 });
        await eventually(() => all.of(identity.deviceId).length === 3, 'three events come');
        const [, second] = all.of(identity.deviceId);

        for (const [startPosition, least, most = least] of [
          [{ sequenceNumber: second.sequenceNumber, isInclusive: true }, 2],
          [{ sequenceNumber: second.sequenceNumber, isInclusive: false }, 1],
          [{ offset: second.offset, isInclusive: true }, 2],
          // What is later than that, to the millisecond: the first may have come in the second's.
          [{ enqueuedOn: second.enqueuedTimeUtc - 1 }, 2, 3],
        ]) {
          const reader = subscribed(t, client(), { startPosition, maxWaitTimeInSeconds: 1 });
          const enough = () => reader.of(identity.deviceId).length >= least;
          await eventually(enough, `events from ${JSON.stringify(startPosition)}`);
          assert.ok(reader.of(identity.deviceId).length <= most);
        }
      });

      test('is refused for a consumer group that is not there', async (t) => {
        const reader = subscribed(t, client('nobody'), { startPosition: latestEventPosition });
        await eventually(() => reader.errors.length > 0, 'the refusal');
        assert.match(reader.errors[0].message, /could not be found/);
      });
    });
  }
}
