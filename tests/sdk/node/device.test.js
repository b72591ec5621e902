// Devices and modules through azure-iot-device over MQTT: connecting, telemetry and twins.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { Message } = require('azure-iot-device');
const { clientOf, connected, eventually, kinds, newId, newIdentity, patchTwin, refused, registry, twinOf } =
  require('./support.js');

for (const kind of kinds) {
  test(`a ${kind} with a wrong key is an UnauthorizedError`, async (t) => {
    const identity = await newIdentity(kind);
    await refused(clientOf(t, identity, Buffer.alloc(32).toString('base64')).open(), 'UnauthorizedError');
  });

  test(`the hub sees a ${kind} come and go`, async (t) => {
    const identity = await newIdentity(kind);
    const state = async () => (await twinOf(identity)).connectionState;
    const client = await connected(t, identity);
    assert.equal(await state(), 'Connected');
    await client.close();
    await eventually(async () => (await state()) === 'Disconnected', 'it is gone');
  });

  test(`a ${kind} sends telemetry with properties`, async (t) => {
    const identity = await newIdentity(kind);
    const client = await connected(t, identity);
    const message = new Message(JSON.stringify({ temperature: 21.5 }));
    message.contentType = 'application/json';
    message.contentEncoding = 'utf-8';
    message.messageId = newId('message');
    message.properties.add('a key', 'value & more/%');
    // Resolved by the hub's PUBACK.
    await client.sendEvent(message);
    if (identity.moduleId) await client.sendOutputEvent('output1', new Message('through an output'));
  });

  test(`a ${kind}'s reported properties reach the service, null removes one`, async (t) => {
    const identity = await newIdentity(kind);
    const client = await connected(t, identity);
    const twin = await client.getTwin();
    const report = (patch) =>
      new Promise((resolve, reject) => {
        twin.properties.reported.update(patch, (error) => (error ? reject(error) : resolve()));
      });
    await report({ firmware: { version: '1.2', beta: true } });
    await report({ firmware: { beta: null } });
    const { reported } = (await twinOf(identity)).properties;
    assert.deepEqual(reported.firmware, { version: '1.2' });
    assert.equal(reported.$version, 3);
  });

  test(`a ${kind} reads its twin and hears desired changes`, async (t) => {
    const identity = await newIdentity(kind);
    await patchTwin(identity, { properties: { desired: { before: 1 } } });
    const client = await connected(t, identity);
    const twin = await client.getTwin();
    assert.equal(twin.properties.desired.before, 1);
    const heard = [];
    twin.on('properties.desired', (delta) => heard.push(delta));
    let climate;
    twin.on('properties.desired.climate', (delta) => (climate = delta));
    // The SDK subscribes when the first listener comes and does not tell when it has.
    let target = 20;
    await eventually(async () => {
      await patchTwin(identity, { properties: { desired: { climate: { target: ++target } } } });
      return climate?.target === target;
    }, 'a desired change is heard');
    assert.equal(heard.at(-1).$version, (await twinOf(identity)).properties.desired.$version);
    assert.equal(twin.properties.desired.climate.target, target);
  });
}

test('a twin patch that the hub refuses is an error of the callback', async (t) => {
  const identity = await newIdentity('device');
  const twin = await (await connected(t, identity)).getTwin();
  const error = await new Promise((resolve) => twin.properties.reported.update({ 'a.b$': 1 }, resolve));
  assert.ok(error instanceof Error);
});

test('a disabled device is an UnauthorizedError', async (t) => {
  const identity = await newIdentity('device');
  await registry().update({ deviceId: identity.deviceId, status: 'disabled' });
  await refused(clientOf(t, identity).open(), 'UnauthorizedError');
});
