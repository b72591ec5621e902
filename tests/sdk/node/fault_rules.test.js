// Faults by rule, as azure-iot-device meets them over AMQP. Each rule names the device of its test.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { Message } = require('azure-iot-common');
const { Amqp } = require('azure-iot-device-amqp');
const { connected, eventually, newIdentity } = require('./support.js');

const control = 'http://localhost:8890/_emulator';

async function addRule(test, rule) {
  const answer = await fetch(`${control}/faults`, { method: 'POST', body: JSON.stringify({ protocol: 'amqp', ...rule }) });
  assert.equal(answer.status, 201, await answer.clone().text());
  const { id } = await answer.json();
  test.after(() => fetch(`${control}/faults/${id}`, { method: 'DELETE' }));
  return async () => {
    const { faults } = await (await fetch(`${control}/faults`)).json();
    return faults.find((each) => each.id === id).struck;
  };
}

async function bodies(device) {
  const answer = await fetch(`${control}/messages?device=${device.deviceId}`);
  return (await answer.json()).messages.map((each) => each.body);
}

test('a device whose AMQP connection is cut comes back and its message arrives', async (t) => {
  const device = await newIdentity('device');
  const client = await connected(t, device, Amqp);
  const struck = await addRule(t, { action: 'cut', operation: 'telemetry', device: device.deviceId, count: 1 });
  await client.sendEvent(new Message('"after the cut"'));
  assert.equal(await struck(), 1);
  assert.deepEqual(await bodies(device), ['after the cut']);
});

test('telemetry over AMQP is refused once and sent again', async (t) => {
  const device = await newIdentity('device');
  const client = await connected(t, device, Amqp);
  const struck = await addRule(t, { action: 'throttle', operation: 'telemetry', device: device.deviceId, count: 1 });
  await client.sendEvent(new Message('"again"'));
  assert.equal(await struck(), 1);
  assert.deepEqual(await bodies(device), ['again']);
});

test('a twin request over AMQP that a rule delays takes that long', async (t) => {
  const device = await newIdentity('device');
  const client = await connected(t, device, Amqp);
  await client.getTwin();
  const struck = await addRule(t, { action: 'delay', delay: '700ms', operation: 'twin', device: device.deviceId, count: 1 });
  const begun = Date.now();
  await new Promise((resolve, reject) => {
    client._transport.getTwin((error, twin) => (error ? reject(error) : resolve(twin)));
  });
  assert.ok(Date.now() - begun >= 700);
  assert.equal(await struck(), 1);
});

test('a device whose first link a rule refuses tries again', async (t) => {
  const device = await newIdentity('device');
  const struck = await addRule(t, { action: 'refuse-connection', operation: 'connect', device: device.deviceId, count: 1 });
  const client = await connected(t, device, Amqp);
  await client.sendEvent(new Message('"connected after all"'));
  assert.equal(await struck(), 1);
  await eventually(async () => (await bodies(device)).includes('connected after all'), 'the message');
});
