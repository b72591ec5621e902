// What arrives at the hub's event endpoint, read with @azure/event-hubs as a back end reads it.
'use strict';

const { after, before } = require('node:test');
const { EventHubConsumerClient, earliestEventPosition } = require('@azure/event-hubs');
const { eventually } = require('./support.js');

/** Listens while this file's tests run; the function returned waits for the events of an identity. */
function listen() {
  const all = [];
  let consumer;
  before(() => {
    consumer = new EventHubConsumerClient('$Default', process.env.EVENTHUB_CONNECTION_STRING);
    consumer.subscribe(
      { processEvents: async (events) => void all.push(...events), processError: async (error) => console.error(error) },
      { startPosition: earliestEventPosition },
    );
  });
  after(() => consumer.close(), { timeout: 10_000 });

  return async function telemetryOf({ deviceId, moduleId }, count = 1) {
    const own = () =>
      all.filter(
        ({ systemProperties: of }) =>
          of['iothub-message-source'] === 'Telemetry' &&
          of['iothub-connection-device-id'] === deviceId &&
          of['iothub-connection-module-id'] === moduleId,
      );
    await eventually(() => own().length >= count, `${count} events of ${deviceId} arrive`);
    return own();
  };
}

/** The bytes of an event's body: the SDK has parsed what looks like JSON. */
function bodyOf(event) {
  return Buffer.isBuffer(event.body) ? event.body.toString() : event.body;
}

module.exports = { bodyOf, listen };
