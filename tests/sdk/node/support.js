// What the tests share: the hub that `iothub-emulator exec` runs around them, and the identities they use in it.
'use strict';

const assert = require('node:assert/strict');
const { randomUUID } = require('node:crypto');
const { setTimeout: pause } = require('node:timers/promises');
const { Client, ModuleClient } = require('azure-iot-device');
const { Amqp, AmqpWs } = require('azure-iot-device-amqp');
const { Mqtt, MqttWs } = require('azure-iot-device-mqtt');
const { Registry } = require('azure-iothub');

// Sanitized hubs are slow; IOTHUB_TEST_SLOW is set for them.
const slowness = process.env.IOTHUB_TEST_SLOW ? 10 : 1;
const connectionString = process.env.IOTHUB_CONNECTION_STRING;
const host = /HostName=([^;]*)/.exec(connectionString)?.[1];

function registry() {
  return Registry.fromConnectionString(connectionString);
}

/** An id that no other test uses. */
function newId(what) {
  return `${what}-${randomUUID().slice(0, 8)}`;
}

/** A fresh device, or a module on a fresh device, with the connection string its client uses. */
async function newIdentity(kind) {
  const deviceId = newId(kind);
  const device = (await registry().create({ deviceId })).responseBody;
  if (kind === 'device') return identity(device.deviceId, undefined, device.authentication.symmetricKey.primaryKey);
  await registry().addModule({ deviceId, moduleId: 'module' });
  const module = (await registry().getModule(deviceId, 'module')).responseBody;
  return identity(deviceId, 'module', module.authentication.symmetricKey.primaryKey);
}

function identity(deviceId, moduleId, key) {
  const connectionStringWith = (anyKey) =>
    `HostName=${host};DeviceId=${deviceId};${moduleId ? `ModuleId=${moduleId};` : ''}SharedAccessKey=${anyKey}`;
  return { deviceId, moduleId, key, connectionStringWith };
}

/** The SDK's client of an identity, closed at the end of the test. */
function clientOf(test, identity, transport = Mqtt, key = identity.key) {
  const cls = identity.moduleId ? ModuleClient : Client;
  const client = cls.fromConnectionString(identity.connectionStringWith(key), transport);
  test.after(() => client.close().catch(() => {}));
  return client;
}

async function connected(test, identity, transport = Mqtt) {
  const client = clientOf(test, identity, transport);
  await client.open();
  return client;
}

function onMethod(client, name, answer) {
  const register = (client.onDeviceMethod ?? client.onMethod).bind(client);
  register(name, (request, response) => answer(request, response));
}

async function twinOf(identity) {
  const { deviceId, moduleId } = identity;
  const service = registry();
  return (await (moduleId ? service.getModuleTwin(deviceId, moduleId) : service.getTwin(deviceId))).responseBody;
}

async function patchTwin(identity, patch, etag = '*') {
  const { deviceId, moduleId } = identity;
  const service = registry();
  const answer = moduleId
    ? await service.updateModuleTwin(deviceId, moduleId, patch, etag)
    : await service.updateTwin(deviceId, patch, etag);
  return answer.responseBody;
}

/** Calls until something true comes back. */
async function eventually(condition, what, seconds = 10) {
  const end = Date.now() + seconds * slowness * 1000;
  for (;;) {
    const value = await condition();
    if (value) return value;
    assert.ok(Date.now() < end, `in ${seconds * slowness} s it was not so that ${what}`);
    await pause(50);
  }
}

/** The promise must fail with the SDK's error class of this name, from this HTTP status where there is one. */
async function refused(promise, name, status) {
  const error = await promise.then(
    () => assert.fail(`not refused, ${name} was expected`),
    (failure) => failure,
  );
  assert.equal(error.name, name, error.stack);
  if (status !== undefined) assert.equal(error.response?.statusCode ?? error.statusCode, status);
  return error;
}

const kinds = ['device', 'module'];

/** Who keeps a connection, and over what: every test of one is a test of each. */
const links = [
  ['MQTT', Mqtt],
  ['MQTT over WebSocket', MqttWs],
  ['AMQP', Amqp],
  ['AMQP over WebSocket', AmqpWs],
].flatMap(([over, transport]) => kinds.map((kind) => ({ kind, transport, who: `${kind} over ${over}` })));

module.exports = {
  clientOf, connected, connectionString, eventually, host, kinds, links, newId, newIdentity, onMethod, patchTwin, refused,
  registry, slowness, twinOf,
};
