// Hubs of one's own, used by Microsoft's SDKs in this very process.
'use strict';

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const { after, afterEach, beforeEach, test } = require('node:test');
const { promisify } = require('node:util');
const { Client, Message } = require('azure-iot-device');
const { Mqtt, MqttWs } = require('azure-iot-device-mqtt');
const { Registry } = require('azure-iothub');
const { startHub, Emulator, ControlError, MessagesMissing } = require('..');

let hub;
let clients = [];
beforeEach(async () => {
  hub = await startHub();
});
afterEach(async () => {
  for (const client of clients) await client.close().catch(() => {});
  clients = [];
  await hub.stop();
});

async function connected(toHub, deviceId = 'd1', transport = Mqtt) {
  await Registry.fromConnectionString(toHub.connectionString()).create({ deviceId });
  const client = Client.fromConnectionString(await toHub.deviceConnectionString(deviceId), transport);
  clients.push(client);
  await client.open();
  return client;
}

async function deviceIds(ofHub) {
  return (await Registry.fromConnectionString(ofHub.connectionString()).list()).responseBody.map((each) => each.deviceId);
}

test('what a device sends is waited for', async () => {
  const device = await connected(hub);
  const message = new Message('{"temperature": 21.5}');
  message.contentType = 'application/json';
  message.contentEncoding = 'utf-8';
  message.properties.add('level', '2');
  setTimeout(() => device.sendEvent(message), 100);
  const wanted = { device: 'd1', properties: { level: '2' }, bodyValues: { '/temperature': 21.5 } };
  const [came] = await hub.messages(wanted);
  assert.deepEqual(came.body, { temperature: 21.5 });
  assert.equal(came.data.toString(), '{"temperature": 21.5}');
  assert.deepEqual(came.properties, { level: '2' });
  assert.ok(Math.abs(came.enqueuedTime - Date.now()) < 60_000);

  const { next } = await hub.messages(wanted);
  const now = await hub.now();
  await device.sendEvent(new Message('later'));
  assert.deepEqual((await hub.messages({ since: next })).map((each) => each.body), ['later']);
  assert.deepEqual((await hub.messages({ since: now })).map((each) => each.body), ['later']);
});

test('messages that do not come are an error that says what came', async () => {
  await (await connected(hub, 'd1', MqttWs)).sendEvent(new Message('only this'));
  await assert.rejects(hub.messages({ device: 'd1', count: 2, timeoutMs: 100 }), (error) => {
    assert.ok(error instanceof MessagesMissing);
    assert.equal(error.came.length, 1);
    assert.match(error.message, /^1 of 2 messages came to .*only this/s);
    return true;
  });
});

test('two hubs never see each other', async () => {
  assert.deepEqual(await deviceIds(hub), [], 'each begins empty');
  const other = await startHub();
  assert.notEqual(other.name, hub.name);
  await (await connected(hub, 'same-name')).sendEvent(new Message('for one'));
  await (await connected(other, 'same-name')).sendEvent(new Message('for the other'));
  assert.deepEqual((await hub.messages()).map((each) => each.body), ['for one']);
  assert.deepEqual((await other.messages()).map((each) => each.body), ['for the other']);
  assert.equal((await hub.connections()).length, 1);
  await other.stop();
  await assert.rejects(other.now(), ControlError);
});

test('a program finds the hub by its environment', async () => {
  const program = `
    const { Registry } = require('azure-iothub');
    Registry.fromConnectionString(process.env.IOTHUB_CONNECTION_STRING).create({ deviceId: 'from-a-program' });`;
  const env = { ...process.env, ...(await hub.environment()) };
  await promisify(execFile)(process.execPath, ['-e', program], { env });
  assert.deepEqual(await deviceIds(hub), ['from-a-program']);
  assert.ok(env.SSL_CERT_FILE);
});

test('the clock is in the hand of the test', async () => {
  await hub.clock.freeze({ at: '2030-01-02T03:04:05Z' });
  assert.equal(await hub.clock.frozen(), true);
  assert.equal((await hub.clock.advance('1h')).toISOString(), '2030-01-02T04:04:05.000Z');
  assert.equal((await hub.clock.advance(1500)).toISOString(), '2030-01-02T04:04:06.500Z');
  await hub.clock.set(new Date('2031-01-01T00:00:00Z'));
  assert.equal((await hub.clock.time()).getUTCFullYear(), 2031);
  await hub.clock.resume({ real: true });
  assert.ok(Math.abs((await hub.clock.time()) - Date.now()) < 60_000);
});

test('a fault strikes until it is removed', async () => {
  const registry = Registry.fromConnectionString(hub.connectionString());
  await registry.create({ deviceId: 'd1' });
  const fault = await hub.faults.add('status', { status: 404, operation: 'get device', protocol: 'http' });
  await assert.rejects(registry.get('d1'), /fault rule/);
  assert.equal(await fault.struck(), 1);
  await fault.remove();
  assert.equal((await registry.get('d1')).responseBody.deviceId, 'd1');
});

test('a hub is reset, restored and copied', async () => {
  await (await connected(hub)).sendEvent(new Message('before'));
  await hub.save('node');
  await hub.reset();
  assert.deepEqual(await deviceIds(hub), []);
  await hub.restore('node');
  const copy = await startHub({ snapshot: 'node' });
  for (const each of [hub, copy]) assert.equal((await each.messages({ count: 0 }))[0].body, 'before');
  await copy.stop();
});

test('a refusal is explained', async () => {
  await assert.rejects(Registry.fromConnectionString(hub.connectionString()).get('nobody'));
  assert.match(JSON.stringify(await hub.refusals()), /nobody/);
  await assert.rejects(hub.deviceConnectionString('nobody'), { status: 404, errorName: 'DeviceNotFound' });
});
