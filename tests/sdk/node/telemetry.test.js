// Telemetry of azure-iot-device over every transport, and what a back end reads of it.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { errors } = require('azure-iot-common');
const { Message } = require('azure-iot-device');
const { Http } = require('azure-iot-device-http');
const { bodyOf, listen } = require('./events.js');
const { connected, links, newId, newIdentity, refused } = require('./support.js');

const telemetryOf = listen();

for (const { kind, transport, who } of [...links, { kind: 'device', transport: Http, who: 'device over HTTP' }]) {
  test(`telemetry of a ${who} arrives with its properties`, async (t) => {
    const identity = await newIdentity(kind);
    const client = await connected(t, identity, transport);
    const message = new Message(JSON.stringify({ temperature: 21.5 }));
    message.contentType = 'application/json';
    message.contentEncoding = 'utf-8';
    message.messageId = newId('message');
    message.correlationId = 'the same/correlation';
    message.properties.add('level', 'value & more/%');
    // Resolved by the hub's PUBACK or 204.
    await client.sendEvent(message);

    const [event] = await telemetryOf(identity);
    assert.deepEqual(event.body, { temperature: 21.5 });
    assert.deepEqual(event.properties, { level: 'value & more/%' });
    assert.equal(event.contentType, 'application/json');
    assert.equal(event.messageId, message.messageId);
    assert.equal(event.correlationId, 'the same/correlation');
    assert.deepEqual(JSON.parse(event.systemProperties['iothub-connection-auth-method']), {
      scope: kind,
      type: 'sas',
      issuer: 'iothub',
      acceptingIpFilterRule: null,
    });
  });

  test(`messages of a ${who} arrive in order, whatever their size`, async (t) => {
    const identity = await newIdentity(kind);
    const client = await connected(t, identity, transport);
    const bodies = ['', 'x', 'y'.repeat(126), 'z'.repeat(70_000)];
    for (const body of bodies) await client.sendEvent(new Message(body));
    const events = await telemetryOf(identity, bodies.length);
    assert.deepEqual(events.map(bodyOf), bodies);
  });
}

for (const { kind, transport, who } of links) {
  test(`a ${who} has many messages in flight`, async (t) => {
    const identity = await newIdentity(kind);
    const client = await connected(t, identity, transport);
    const bodies = Array.from({ length: 50 }, (_, n) => `message ${n}`);
    await Promise.all(bodies.map((body) => client.sendEvent(new Message(body))));
    assert.deepEqual((await telemetryOf(identity, bodies.length)).map(bodyOf), bodies);
  });

  if (kind === 'module') {
    test(`output messages of a ${who} arrive`, async (t) => {
      const identity = await newIdentity(kind);
      const client = await connected(t, identity, transport);
      const message = new Message('through an output');
      message.properties.add('level', 'high');
      await client.sendOutputEvent('output1', message);
      const [event] = await telemetryOf(identity);
      assert.equal(bodyOf(event), 'through an output');
      assert.deepEqual(event.properties, { level: 'high' });
    });
  }
}

test('a batch over HTTP is as many messages', async (t) => {
  const identity = await newIdentity('device');
  const client = await connected(t, identity, Http);
  const batch = ['first', 'second', 'third'].map((body) => new Message(body));
  batch[1].properties.add('level', 'high');
  await client.sendEventBatch(batch);
  const events = await telemetryOf(identity, batch.length);
  assert.deepEqual(events.map(bodyOf), ['first', 'second', 'third']);
  assert.deepEqual(events[1].properties, { level: 'high' });
});

test('no other transport of this SDK has batches', async (t) => {
  for (const { kind, transport } of links) {
    const client = await connected(t, await newIdentity(kind), transport);
    await assert.rejects(async () => client.sendEventBatch([new Message('x')]), errors.NotImplementedError);
  }
});

test('a message over HTTP that is too large is a MessageTooLargeError', async (t) => {
  const client = await connected(t, await newIdentity('device'), Http);
  await refused(client.sendEvent(new Message('x'.repeat(256 * 1024 + 1))), 'MessageTooLargeError', 413);
});
