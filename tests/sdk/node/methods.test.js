// Direct methods: azure-iothub's Client (REST) calls, azure-iot-device answers.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { Client } = require('azure-iothub');
const { connected, connectionString, kinds, links, newIdentity, onMethod } = require('./support.js');

function invoke({ deviceId, moduleId }, parameters) {
  const service = Client.fromConnectionString(connectionString);
  return moduleId
    ? service.invokeDeviceMethod(deviceId, moduleId, parameters)
    : service.invokeDeviceMethod(deviceId, parameters);
}

// The SDK subscribes, over AMQP attaches links, when a method is registered, and does not tell when it has.
const patience = { connectTimeoutInSeconds: 15 };

for (const { kind, transport, who } of links) {
  test(`a method of a ${who} gets its payload, and its status and payload come back`, async (t) => {
    const identity = await newIdentity(kind);
    const client = await connected(t, identity, transport);
    onMethod(client, 'echo', (request, response) => response.send(210, { echoed: request.payload }));
    const answer = await invoke(identity, { methodName: 'echo', payload: { n: [1, 'two', null] }, ...patience });
    assert.deepEqual(answer.result, { status: 210, payload: { echoed: { n: [1, 'two', null] } } });
  });

  test(`a method of a ${who} without payload gets null and may answer without one`, async (t) => {
    const identity = await newIdentity(kind);
    const client = await connected(t, identity, transport);
    onMethod(client, 'plain', (request, response) => response.send(request.payload === null ? 200 : 500));
    const answer = await invoke(identity, { methodName: 'plain', payload: null, ...patience });
    assert.deepEqual(answer.result, { status: 200, payload: null });
  });
}

for (const kind of kinds) {
  test(`a method of a ${kind} that is not connected is refused at once`, async () => {
    const identity = await newIdentity(kind);
    const error = await invoke(identity, { methodName: 'echo' }).catch((failure) => failure);
    // No class of its own in this SDK: a plain Error with the hub's answer.
    assert.equal(error.response?.statusCode, 404, error.stack);
    assert.match(JSON.stringify(error.responseBody), /404103/);
  });
}

test('a method that the device does not answer in time is a GatewayTimeoutError', async (t) => {
  const identity = await newIdentity('device');
  const client = await connected(t, identity);
  onMethod(client, 'silent', () => {});
  const error = await invoke(identity, { methodName: 'silent', responseTimeoutInSeconds: 5 }).catch((failure) => failure);
  assert.equal(error.response.statusCode, 504, error.stack);
});
