// Digital twins through azure-iothub's DigitalTwinClient.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { DigitalTwinClient, IoTHubTokenCredentials } = require('azure-iothub');
const { clientOf, connectionString, newId, newIdentity, onMethod } = require('./support.js');

const service = new DigitalTwinClient(new IoTHubTokenCredentials(connectionString));
const model = 'dtmi:com:example:Thermostat;1';

async function plugAndPlay(t) {
  const identity = await newIdentity('device');
  const client = clientOf(t, identity);
  await client.setOptions({ modelId: model });
  await client.open();
  return { identity, client };
}

test('a digital twin shows the model and takes a patch', async (t) => {
  const { identity } = await plugAndPlay(t);
  const before = await service.getDigitalTwin(identity.deviceId);
  const twin = before.response?.parsedBody ?? before.result ?? before;
  assert.equal(twin.$metadata.$model, model);
  await service.updateDigitalTwin(identity.deviceId, [{ op: 'add', path: '/targetTemperature', value: 42 }]);
  const after = await service.getDigitalTwin(identity.deviceId);
  const patched = after.response?.parsedBody ?? after.result ?? after;
  assert.equal(patched.$metadata.targetTemperature.desiredValue, 42);
});

test('commands of the root and of a component reach the device', async (t) => {
  const { identity, client } = await plugAndPlay(t);
  onMethod(client, 'reboot', (request, response) => response.send(200, { after: request.payload }));
  onMethod(client, 'thermostat*getReport', (request, response) => response.send(201, { since: request.payload }));
  const root = await service.invokeCommand(identity.deviceId, 'reboot', 5);
  assert.equal(root.xMsCommandStatuscode, 200);
  assert.deepEqual(root.body, { after: 5 });
  const component = await service.invokeComponentCommand(identity.deviceId, 'thermostat', 'getReport', 'yesterday', {
    responseTimeoutInSeconds: 5,
  });
  assert.equal(component.xMsCommandStatuscode, 201);
  assert.deepEqual(component.body, { since: 'yesterday' });
});

test('a digital twin that is not there is a RestError of 404', async () => {
  await assert.rejects(service.getDigitalTwin(newId('device')), (error) => error.statusCode === 404);
});
