// What azure-iot-device does when the hub restarts under it. This test runs the hub itself: IOTHUB_TEST_BINARY on the data of
// IOTHUB_TEST_FOLDER, with the certificate authority that NODE_EXTRA_CA_CERTS trusts.
'use strict';

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');

const folder = process.env.IOTHUB_TEST_FOLDER;
const readyFile = path.join(folder, 'ready.json');

async function startHub() {
  fs.rmSync(readyFile, { force: true });
  const log = fs.openSync(path.join(folder, 'restart.log'), 'a');
  const hub = spawn(
    process.env.IOTHUB_TEST_BINARY,
    ['serve', '--data', path.join(folder, 'data'), '--ca-dir', path.join(folder, 'ca'), '--ready-file', readyFile],
    { stdio: ['ignore', log, log] },
  );
  const end = Date.now() + 30_000 * (process.env.IOTHUB_TEST_SLOW ? 10 : 1);
  while (!fs.existsSync(readyFile)) {
    assert.ok(hub.exitCode === null && Date.now() < end, 'the hub does not start');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return hub;
}

async function stopHub(hub) {
  hub.kill('SIGTERM');
  const [status] = await once(hub, 'exit');
  assert.equal(status, 0);
}

test('devices and modules are back after a restart, with their subscriptions', async (t) => {
  let hub = await startHub();
  t.after(() => hub.kill('SIGKILL'));
  process.env.IOTHUB_CONNECTION_STRING = JSON.parse(fs.readFileSync(readyFile)).connectionStrings.iothubowner;
  const { Message } = require('azure-iot-device');
  const { Client } = require('azure-iothub');
  const support = require('../support.js');
  const parties = [];
  let interval = 0;
  const heard = (party) =>
    support.eventually(async () => {
      const before = party.interval;
      await support.patchTwin(party.identity, { properties: { desired: { interval: ++interval } } });
      return party.interval !== before;
    }, 'a desired change is heard');
  for (const { kind, transport } of support.links) {
    const identity = await support.newIdentity(kind);
    const client = await support.connected(t, identity, transport);
    support.onMethod(client, 'ping', (request, response) => response.send(200, 'pong'));
    const twin = await client.getTwin();
    const party = { identity, client };
    twin.on('properties.desired.interval', (interval) => (party.interval = interval));
    parties.push(party);
  }
  // The SDK subscribes when the listener comes and does not tell when it has: heard once, it is subscribed.
  for (const party of parties) await heard(party);

  await stopHub(hub);
  hub = await startHub();

  for (const { identity, client } of parties) {
    await client.sendEvent(new Message('after the restart'));
    assert.equal((await support.twinOf(identity)).connectionState, 'Connected');
  }
  const service = Client.fromConnectionString(support.connectionString);
  for (const party of parties) {
    const { deviceId, moduleId } = party.identity;
    const call = { methodName: 'ping', payload: null };
    const status = async () => {
      const invoked = moduleId
        ? service.invokeDeviceMethod(deviceId, moduleId, call)
        : service.invokeDeviceMethod(deviceId, call);
      return invoked.then((answer) => answer.result.payload, () => undefined);
    };
    await support.eventually(async () => (await status()) === 'pong', 'the method is heard');
    await heard(party);
  }
  for (const { client } of parties) await client.close();
  await stopHub(hub);
});
