// Devices of azure-iot-device over AMQP: what MQTT has no like of.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { Message } = require('azure-iot-device');
const { Amqp } = require('azure-iot-device-amqp');
const { Client } = require('azure-iothub');
const { connected, connectionString, eventually, newIdentity, onMethod, twinOf } = require('./support.js');

function invoke({ deviceId }, call) {
  return Client.fromConnectionString(connectionString).invokeDeviceMethod(deviceId, call);
}

test('a token alone does not show an AMQP device as connected, a link does', async (t) => {
  const identity = await newIdentity('device');
  const state = async () => (await twinOf(identity)).connectionState;
  const client = await connected(t, identity, Amqp);
  assert.equal(await state(), 'Disconnected');
  await client.sendEvent(new Message('x'));
  assert.equal(await state(), 'Connected');
});

test('telemetry that is too large is a MessageTooLargeError over AMQP, and the link goes on', async (t) => {
  const client = await connected(t, await newIdentity('device'), Amqp);
  await client.sendEvent(new Message(Buffer.alloc(200 * 1024, 'x')));
  await assert.rejects(client.sendEvent(new Message(Buffer.alloc(300 * 1024, 'x'))), { name: 'MessageTooLargeError' });
  await client.sendEvent(new Message('small again'));
});

test('the control API names the protocol of an AMQP device and what it was refused', async (t) => {
  const ask = async (path) => (await fetch(`http://localhost:8890/_emulator/${path}`)).json();
  const identity = await newIdentity('device');
  const client = await connected(t, identity, Amqp);
  await client.sendEvent(new Message('x'));
  const { connections } = await ask('connections');
  const mine = connections.find((each) => each.device === identity.deviceId);
  assert.equal(mine.protocol, 'amqp');
  assert.match(mine.address, /^127\.0\.0\.1:\d+$/);
  const twin = await client.getTwin();
  await assert.rejects(
    new Promise((resolve, reject) => {
      twin.properties.reported.update({ 'a.b': 1 }, (error) => (error ? reject(error) : resolve()));
    }),
  );
  const { refusals } = await ask(`explain?device=${identity.deviceId}`);
  assert.equal(refusals[0].protocol, 'amqp');
  assert.equal(refusals[0].operation, 'twin request');
});

test('fifty reported patches in a row count up over AMQP', async (t) => {
  const identity = await newIdentity('device');
  const twin = await (await connected(t, identity, Amqp)).getTwin();
  const report = (patch) =>
    new Promise((resolve, reject) => {
      twin.properties.reported.update(patch, (error) => (error ? reject(error) : resolve()));
    });
  for (let i = 1; i <= 50; ++i) await report({ i });
  const { reported } = (await twinOf(identity)).properties;
  assert.equal(reported.i, 50);
  assert.equal(reported.$version, 51);
});

test('ten methods at once find their answers over AMQP', async (t) => {
  const identity = await newIdentity('device');
  const client = await connected(t, identity, Amqp);
  onMethod(client, 'echo', (request, response) => response.send(200, request.payload));
  const call = { methodName: 'echo', connectTimeoutInSeconds: 15 };
  const answers = await Promise.all(Array.from({ length: 10 }, (_, i) => invoke(identity, { ...call, payload: i })));
  assert.deepEqual(answers.map((each) => each.result.payload), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test('a device that leaves AMQP during a call is told of as gone', async (t) => {
  const identity = await newIdentity('device');
  const client = await connected(t, identity, Amqp);
  let called = false;
  onMethod(client, 'never', () => (called = true));
  const call = invoke(identity, { methodName: 'never', connectTimeoutInSeconds: 15 }).catch((failure) => failure);
  await eventually(() => called, 'the call comes');
  await client.close();
  assert.match(JSON.stringify((await call).responseBody), /404104/);
});
