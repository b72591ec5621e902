// The hub's time in the test's hand, as azure-iothub sees it. The clock is of a hub of this file's own.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { setTimeout: pause } = require('node:timers/promises');
const { Message } = require('azure-iot-common');
const { Client, Registry } = require('azure-iothub');
const { eventually, newId } = require('./support.js');

const control = 'http://localhost:8890/_emulator';

async function ask(method, url, body) {
  const answer = await fetch(url, { method, body: body && JSON.stringify(body) });
  assert.ok(answer.ok, `${method} ${url}: ${answer.status}`);
  return answer.status === 204 ? undefined : answer.json();
}

/** A further hub, dropped at the end of the test. */
async function furtherHub(test) {
  const { hub, policies } = await ask('POST', `${control}/hubs`, {});
  test.after(() => ask('DELETE', `${control}/hubs/${hub}`));
  const clock = (verb, body = {}) => ask('POST', `http://${hub}:8890/_emulator/clock/${verb}`, body);
  return { clock, connectionString: policies.iothubowner };
}

/** The records of all feedback there is, as it comes. */
function feedbackOf(client) {
  const records = [];
  return new Promise((resolve, reject) => {
    client.getFeedbackReceiver((error, receiver) => {
      if (error) return reject(error);
      receiver.on('message', (batch) => {
        records.push(...JSON.parse(batch.data.toString()));
        receiver.complete(batch, () => {});
      });
      return resolve(records);
    });
  });
}

test('a frozen clock keeps a message alive past its time, and advancing it gives feedback that it expired', async (t) => {
  const { clock, connectionString } = await furtherHub(t);
  const client = Client.fromConnectionString(connectionString);
  await client.open();
  t.after(() => client.close().catch(() => {}));
  const records = await feedbackOf(client);
  const registry = Registry.fromConnectionString(connectionString);
  const deviceId = newId('device');
  await registry.create({ deviceId });
  const waiting = async () => (await registry.get(deviceId)).responseBody.cloudToDeviceMessageCount;

  const frozenAt = Date.parse((await clock('freeze')).time);
  const message = new Message('short-lived');
  message.messageId = newId('message');
  message.ack = 'full';
  message.expiryTimeUtc = frozenAt + 2000;
  await client.send(deviceId, message);
  assert.equal(await waiting(), 1);
  await pause(frozenAt + 3000 - Date.now()); // past the expiry by every other clock
  assert.equal(await waiting(), 1);
  assert.deepEqual(records, []);

  await clock('advance', { by: '10s' });
  await eventually(async () => (await waiting()) === 0, 'the message expires');
  // A batch leaves 15 s after its first record, by the hub's clock: it stands still.
  assert.deepEqual(records, []);
  await clock('advance', { by: '15s' });
  const [record] = await eventually(() => records.length && records, 'the feedback comes');
  assert.equal(records.length, 1);
  assert.deepEqual(
    [record.statusCode, record.originalMessageId, record.deviceId], ['Expired', message.messageId, deviceId]);
  const toldAt = Date.parse(record.enqueuedTimeUtc);
  assert.ok(toldAt >= frozenAt + 2000 && toldAt <= frozenAt + 10_000, `${record.enqueuedTimeUtc} is the hub's time`);
});
