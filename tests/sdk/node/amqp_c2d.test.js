// What azure-iot-device can do with a cloud-to-device message over AMQP and not over MQTT.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { Amqp } = require('azure-iot-device-amqp');
const { Message } = require('azure-iot-common');
const { Client } = require('azure-iothub');
const { connected, connectionString, eventually, newId, newIdentity, registry } = require('./support.js');

async function service(test) {
  const client = Client.fromConnectionString(connectionString);
  await client.open();
  test.after(() => client.close().catch(() => {}));
  return client;
}

function message(text) {
  const message = new Message(text);
  message.messageId = newId('message');
  return message;
}

/** The messages a device gets. Its listener stays: the SDK detaches the link when the last one goes. */
function inbox(device) {
  const got = [];
  device.on('message', (each) => got.push(each));
  return { got, first: () => eventually(() => got[0], 'a message comes') };
}

/** How many messages wait for the device. */
async function waiting(identity) {
  const { responseBody } = await registry().get(identity.deviceId);
  return responseBody.cloudToDeviceMessageCount;
}

test('an abandoned message comes again over AMQP', async (t) => {
  const client = await service(t);
  const identity = await newIdentity('device');
  const device = await connected(t, identity, Amqp);
  const { got } = inbox(device);
  await client.send(identity.deviceId, message('again'));
  await eventually(() => got.length === 1, 'it comes');
  await device.abandon(got[0]);
  await eventually(() => got.length === 2, 'it comes again');
  assert.equal(got[1].messageId, got[0].messageId);
  await device.complete(got[1]);
  assert.equal(await waiting(identity), 0);
});

test('a message rejected over AMQP is gone', async (t) => {
  const client = await service(t);
  const identity = await newIdentity('device');
  const device = await connected(t, identity, Amqp);
  const box = inbox(device);
  await client.send(identity.deviceId, message('no'));
  await device.reject(await box.first());
  assert.equal(await waiting(identity), 0);
});

test('an unsettled message comes again on the next AMQP connection', async (t) => {
  const client = await service(t);
  const identity = await newIdentity('device');
  const first = await connected(t, identity, Amqp);
  const box = inbox(first);
  await client.send(identity.deviceId, message('unsettled'));
  await box.first();
  await first.close();
  const second = await connected(t, identity, Amqp);
  const got = await inbox(second).first();
  assert.equal(got.data.toString(), 'unsettled');
  await second.complete(got);
});
