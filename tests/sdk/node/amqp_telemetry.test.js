// Telemetry of devices and modules through azure-iot-device over AMQP: TCP and WebSocket.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { Message } = require('azure-iot-device');
const { Amqp, AmqpWs } = require('azure-iot-device-amqp');
const { connected, eventually, kinds, newId, newIdentity, twinOf } = require('./support.js');

for (const [name, transport] of [['AMQP', Amqp], ['AMQP over WebSocket', AmqpWs]]) {
  for (const kind of kinds) {
    test(`a ${kind} sends telemetry over ${name}`, async (t) => {
      const identity = await newIdentity(kind);
      const client = await connected(t, identity, transport);
      const message = new Message(JSON.stringify({ temperature: 21.5 }));
      message.contentType = 'application/json';
      message.contentEncoding = 'utf-8';
      message.messageId = newId('message');
      message.properties.add('a key', 'value & more/%');
      // Resolved by the hub's disposition.
      await client.sendEvent(message);
      if (identity.moduleId) await client.sendOutputEvent('output1', new Message('through an output'));
      assert.equal((await twinOf(identity)).connectionState, 'Connected');
    });
  }

  test(`a device comes and goes over ${name}`, async (t) => {
    const identity = await newIdentity('device');
    const state = async () => (await twinOf(identity)).connectionState;
    const client = await connected(t, identity, transport);
    // A token alone opens no link; the hub sees links.
    assert.equal(await state(), 'Disconnected');
    await client.sendEvent(new Message('x'));
    assert.equal(await state(), 'Connected');
    await client.close();
    await eventually(async () => (await state()) === 'Disconnected', 'it is gone');
  });
}

test('telemetry of 200 KB goes over AMQP, of 300 KB is refused', async (t) => {
  const client = await connected(t, await newIdentity('device'), Amqp);
  await client.sendEvent(new Message(Buffer.alloc(200 * 1024, 'x')));
  await assert.rejects(client.sendEvent(new Message(Buffer.alloc(300 * 1024, 'x'))), { name: 'MessageTooLargeError' });
  await client.sendEvent(new Message('small again'));
});

test('a hundred messages at once all arrive over AMQP', async (t) => {
  const client = await connected(t, await newIdentity('device'), Amqp);
  await Promise.all(Array.from({ length: 100 }, (_, i) => client.sendEvent(new Message(String(i)))));
});
