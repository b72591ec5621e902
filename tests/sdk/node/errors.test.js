// Which status of the hub becomes which error class of azure-iothub.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { Registry } = require('azure-iothub');
const { connectionString, host, newId, newIdentity, refused, registry } = require('./support.js');

test('a missing device is a DeviceNotFoundError', async () => {
  await refused(registry().get(newId('device')), 'DeviceNotFoundError', 404);
  await refused(registry().getTwin(newId('device')), 'DeviceNotFoundError', 404);
  await refused(registry().delete(newId('device')), 'DeviceNotFoundError', 404);
});

test('a device that exists is a DeviceAlreadyExistsError', async () => {
  const { deviceId } = await newIdentity('device');
  await refused(registry().create({ deviceId }), 'DeviceAlreadyExistsError', 409);
});

test('an id that is not one is an ArgumentError', async () => {
  await refused(registry().create({ deviceId: 'no spaces' }), 'ArgumentError', 400);
});

test('a wrong key and an unknown policy are an UnauthorizedError', async () => {
  const key = Buffer.alloc(32).toString('base64');
  for (const text of [
    connectionString.replace(/SharedAccessKey=.*/, `SharedAccessKey=${key}`),
    `HostName=${host};SharedAccessKeyName=nobody;SharedAccessKey=${key}`,
  ]) {
    const error = await refused(Registry.fromConnectionString(text).get('any'), 'UnauthorizedError', 401);
    assert.match(error.responseBody, /401\d{3}|Unauthorized/);
  }
});

test('a stale etag is an InvalidEtagError', async () => {
  const { deviceId } = await newIdentity('device');
  await refused(registry().updateTwin(deviceId, { tags: { a: 1 } }, 'c3RhbGU='), 'InvalidEtagError', 412);
});
