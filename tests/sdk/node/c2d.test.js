// Cloud-to-device messages: azure-iothub's Client over AMQP (TCP and WebSocket), devices over MQTT, and the feedback.
'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { test } = require('node:test');
const { Message } = require('azure-iot-common');
const { Amqp, AmqpWs, Client } = require('azure-iothub');
const { connected, connectionString, eventually, newId, newIdentity, slowness } = require('./support.js');

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

test('a message to an unknown device is a DeviceNotFoundError', async (t) => {
  const client = await service(t, Amqp);
  await assert.rejects(client.send(newId('stranger'), new Message('x')), { name: 'DeviceNotFoundError' });
});

test('feedback tells that a message was completed', { timeout: 60_000 * slowness }, async (t) => {
  const client = await service(t, Amqp);
  const receiver = await feedbackReceiver(client);
  const identity = await newIdentity('device');
  received(await connected(t, identity));
  const message = new Message('with feedback');
  message.messageId = newId('message');
  message.ack = 'full';
  await client.send(identity.deviceId, message);

  // A batch leaves 15 s after its first record.
  const [batch] = await once(receiver, 'message');
  const [record] = JSON.parse(batch.data.toString()).filter((each) => each.originalMessageId === message.messageId);
  assert.equal(record.statusCode, 'Success');
  assert.equal(record.deviceId, identity.deviceId);
  await receiver.complete(batch);
});
