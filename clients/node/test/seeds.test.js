// Hubs that begin with something.
'use strict';

const assert = require('node:assert/strict');
const path = require('node:path');
const { test } = require('node:test');
const { Client, Message } = require('azure-iot-device');
const { Mqtt } = require('azure-iot-device-mqtt');
const { Registry } = require('azure-iothub');
const { startHub, ControlError } = require('..');

const FILE = path.join(__dirname, 'seed.yaml');

async function deviceIds(ofHub) {
  const { responseBody } = await Registry.fromConnectionString(ofHub.connectionString()).list();
  return responseBody.map((each) => each.deviceId).sort();
}

test('a hub begins with seeds', async () => {
  const hub = await startHub({ seeds: [FILE, { devices: [{ deviceId: 'of-an-object' }] }] });
  assert.deepEqual(await deviceIds(hub), ['boiler', 'of-an-object']);
  await hub.stop();
});

test('a device is made with its connection string', async () => {
  const hub = await startHub();
  const connectionString = await hub.addDevice('d1', { tags: { floor: 3 } });
  const client = Client.fromConnectionString(connectionString, Mqtt);
  await client.open();
  await client.sendEvent(new Message('warm'));
  assert.equal((await hub.messages({ device: 'd1' }))[0].body, 'warm');
  await client.close();
  await hub.stop();
});

test('a seed that is refused changes nothing', async () => {
  const hub = await startHub();
  const seed = { devices: [{ deviceId: 'good' }, { deviceld: 'bad' }] };
  await assert.rejects(hub.seed(seed), ControlError);
  await assert.rejects(startHub({ seeds: [seed] }), ControlError);
  assert.deepEqual(await deviceIds(hub), []);
  await hub.stop();
});
