// Cloud-to-device messages: azure-iothub's Client over AMQP (TCP and WebSocket), devices over every transport, and the
// feedback.
'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { test } = require('node:test');
const { errors, Message } = require('azure-iot-common');
const { Amqp: DeviceAmqp } = require('azure-iot-device-amqp');
const { Http } = require('azure-iot-device-http');
const { Amqp, AmqpWs, Client } = require('azure-iothub');
const { connected, connectionString, eventually, links, newId, newIdentity, registry, slowness } = require('./support.js');

/** The SDK's service client, open for the length of the test. */
async function service(test, transport) {
  const client = Client.fromConnectionString(connectionString, transport);
  await client.open();
  test.after(() => client.close().catch(() => {}));
  return client;
}

function received(device) {
  const messages = [];
  device.on('message', (message) => {
    messages.push(message);
    device.complete(message, () => {});
  });
  return messages;
}

/** A device over HTTP, which asks for messages ten times a second. */
async function pulling(t, identity) {
  const device = await connected(t, identity, Http);
  device.setOptions({ http: { receivePolicy: { interval: 0.1 } } });
  return device;
}

function settle(device, how, message) {
  return new Promise((resolve, reject) => device[how](message, (error) => (error ? reject(error) : resolve())));
}

/** How many messages the hub holds for a device. */
async function waiting({ deviceId }) {
  return (await registry().get(deviceId)).responseBody.cloudToDeviceMessageCount;
}

function feedbackReceiver(client) {
  return new Promise((resolve, reject) => {
    client.getFeedbackReceiver((error, receiver) => (error ? reject(error) : resolve(receiver)));
  });
}

for (const [name, transport] of [['AMQP', Amqp], ['AMQP over WebSocket', AmqpWs]]) {
  test(`a message sent over ${name} reaches its device`, async (t) => {
    const client = await service(t, transport);
    const identity = await newIdentity('device');
    const messages = received(await connected(t, identity));
    const message = new Message(JSON.stringify({ turn: 'on' }));
    message.messageId = newId('message');
    message.properties.add('level', '3');
    await client.send(identity.deviceId, message);
    const [got] = await eventually(() => messages.length && messages, 'the message comes');
    assert.equal(got.data.toString(), '{"turn":"on"}');
    assert.equal(got.messageId, message.messageId);
    assert.equal(got.properties.getValue('level'), '3');
  });
}

const devices = links.filter(({ kind }) => kind === 'device');

for (const { transport, who } of devices) {
  test(`messages wait for a ${who}, come in order and are completed by its acknowledgement`, async (t) => {
    const client = await service(t, Amqp);
    const identity = await newIdentity('device');
    for (const body of ['first', 'second', 'third']) await client.send(identity.deviceId, new Message(body));
    assert.equal(await waiting(identity), 3);
    const messages = received(await connected(t, identity, transport));
    await eventually(() => messages.length === 3, 'all come');
    assert.deepEqual(messages.map((message) => message.data.toString()), ['first', 'second', 'third']);
    await eventually(async () => (await waiting(identity)) === 0, 'all are completed');
  });

  test(`a ${who} gets system properties, properties and bytes as they were sent`, async (t) => {
    const client = await service(t, Amqp);
    const identity = await newIdentity('device');
    const messages = received(await connected(t, identity, transport));
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, n) => n));
    const message = new Message(bytes);
    message.messageId = 'a/b c%';
    message.correlationId = 'x=1&y=2';
    message.contentType = 'application/octet-stream';
    message.properties.add('key & more', 'value/with%and?');
    message.properties.add('empty', '');
    await client.send(identity.deviceId, message);
    const [got] = await eventually(() => messages.length && messages, 'the message comes');
    assert.deepEqual(got.data, bytes);
    assert.equal(got.messageId, 'a/b c%');
    assert.equal(got.correlationId, 'x=1&y=2');
    assert.equal(got.contentType, 'application/octet-stream');
    assert.equal(got.to, `/devices/${identity.deviceId}/messages/devicebound`);
    assert.equal(got.properties.getValue('key & more'), 'value/with%and?');
    assert.equal(got.properties.getValue('empty'), '');
  });
}

for (const { transport, who } of devices.filter(({ who }) => who.includes('MQTT'))) {
  test(`a ${who} can neither reject nor abandon in this SDK`, async (t) => {
    const device = await connected(t, await newIdentity('device'), transport);
    for (const how of ['reject', 'abandon']) {
      await assert.rejects(() => settle(device, how, new Message('x')), errors.NotImplementedError);
    }
  });
}

test('a device over HTTP completes a message', async (t) => {
  const client = await service(t, Amqp);
  const identity = await newIdentity('device');
  const message = new Message('pulled');
  message.messageId = newId('message');
  message.properties.add('level', '3');
  await client.send(identity.deviceId, message);
  const device = await pulling(t, identity);
  const [got] = await once(device, 'message');
  assert.equal(got.data.toString(), 'pulled');
  assert.equal(got.messageId, message.messageId);
  assert.equal(got.properties.getValue('iothub-app-level'), '3');
  assert.equal(await waiting(identity), 1);
  await settle(device, 'complete', got);
  assert.equal(await waiting(identity), 0);
  await assert.rejects(settle(device, 'complete', got), (error) => error.response.statusCode === 412);
});

test('what a device over HTTP abandons comes again, what it rejects does not', async (t) => {
  const client = await service(t, Amqp);
  const identity = await newIdentity('device');
  await client.send(identity.deviceId, new Message('again'));
  const device = await pulling(t, identity);
  const [first] = await once(device, 'message');
  const next = once(device, 'message');
  await settle(device, 'abandon', first);
  const [second] = await next;
  assert.equal(second.data.toString(), 'again');
  assert.notEqual(second.lockToken, first.lockToken);
  await settle(device, 'reject', second);
  assert.equal(await waiting(identity), 0);
});

test('a message to an unknown device is a DeviceNotFoundError', async (t) => {
  const client = await service(t, Amqp);
  await assert.rejects(client.send(newId('stranger'), new Message('x')), { name: 'DeviceNotFoundError' });
});

test('feedback tells that a message was completed or rejected', { timeout: 60_000 * slowness }, async (t) => {
  const client = await service(t, Amqp);
  const receiver = await feedbackReceiver(client);
  const outcomes = new Map();
  for (const { transport } of devices) {
    const identity = await newIdentity('device');
    received(await connected(t, identity, transport));
    outcomes.set(identity.deviceId, 'Success');
  }
  for (const open of [pulling, (test, identity) => connected(test, identity, DeviceAmqp)]) {
    const rejecting = await newIdentity('device');
    const device = await open(t, rejecting);
    device.on('message', (message) => device.reject(message, () => {}));
    outcomes.set(rejecting.deviceId, 'Rejected');
  }
  for (const deviceId of outcomes.keys()) {
    const message = new Message('with feedback');
    message.messageId = `to ${deviceId}`;
    message.ack = 'full';
    await client.send(deviceId, message);
  }

  // A batch leaves 15 s after its first record.
  const told = new Map();
  receiver.on('message', (batch) => {
    for (const record of JSON.parse(batch.data.toString())) told.set(record.deviceId, record);
    receiver.complete(batch, () => {});
  });
  await eventually(() => [...outcomes.keys()].every((deviceId) => told.has(deviceId)), 'all is told', 30);
  for (const [deviceId, statusCode] of outcomes) {
    const record = told.get(deviceId);
    assert.deepEqual([record.statusCode, record.originalMessageId], [statusCode, `to ${deviceId}`]);
  }
});
