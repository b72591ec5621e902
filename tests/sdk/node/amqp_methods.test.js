// Direct methods that azure-iot-device answers over AMQP: TCP and WebSocket.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { Amqp, AmqpWs } = require('azure-iot-device-amqp');
const { Client } = require('azure-iothub');
const { connected, connectionString, eventually, kinds, newIdentity, onMethod } = require('./support.js');

async function invoke(identity, call) {
  const { deviceId, moduleId } = identity;
  const service = Client.fromConnectionString(connectionString);
  const answer = moduleId
    ? await service.invokeDeviceMethod(deviceId, moduleId, call)
    : await service.invokeDeviceMethod(deviceId, call);
  return answer.result;
}

for (const [name, transport] of [['AMQP', Amqp], ['AMQP over WebSocket', AmqpWs]]) {
  for (const kind of kinds) {
    test(`a ${kind} answers methods over ${name}`, async (t) => {
      const identity = await newIdentity(kind);
      const client = await connected(t, identity, transport);
      onMethod(client, 'double', (request, response) => response.send(201, { twice: request.payload * 2 }));
      // The SDK attaches its links when the first method is registered and does not tell when it has.
      const answer = await invoke(identity, { methodName: 'double', payload: 21, connectTimeoutInSeconds: 15 });
      assert.deepEqual(answer, { status: 201, payload: { twice: 42 } });
    });
  }
}

test('a method without payload has null, and ten at once find their answers over AMQP', async (t) => {
  const identity = await newIdentity('device');
  const client = await connected(t, identity, Amqp);
  onMethod(client, 'null', (request, response) => response.send(200, { payload: request.payload }));
  onMethod(client, 'echo', (request, response) => response.send(200, request.payload));
  const call = { methodName: 'null', connectTimeoutInSeconds: 15 };
  assert.deepEqual(await invoke(identity, call), { status: 200, payload: { payload: null } });
  const answers = await Promise.all(
    Array.from({ length: 10 }, (_, i) => invoke(identity, { methodName: 'echo', payload: i })),
  );
  assert.deepEqual(answers.map((each) => each.payload), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test('a device that leaves AMQP during a call is told of as unavailable', async (t) => {
  const identity = await newIdentity('device');
  const client = await connected(t, identity, Amqp);
  let called = false;
  onMethod(client, 'never', () => (called = true));
  const call = invoke(identity, { methodName: 'never', connectTimeoutInSeconds: 15 });
  call.catch(() => {});
  await eventually(() => called, 'the call comes');
  await client.close();
  const error = await call.catch((failure) => failure);
  assert.match(JSON.stringify(error.responseBody), /404104/);
});
