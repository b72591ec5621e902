// Automatic device management and edge deployments through azure-iothub's Registry.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { eventually, newId, newIdentity, patchTwin, registry, twinOf } = require('./support.js');

test('a configuration is created, listed, updated, applied and removed', async () => {
  const service = registry();
  const id = newId('configuration');
  const configuration = {
    id,
    content: { deviceContent: { 'properties.desired.climate': { target: 21 } } },
    targetCondition: `tags.test='${id}'`,
    priority: 10,
  };
  const added = (await service.addConfiguration(configuration)).responseBody;
  assert.equal(added.schemaVersion, '1.0');
  const all = (await service.getConfigurations()).responseBody;
  assert.ok(all.some((one) => one.id === id));

  const device = await newIdentity('device');
  await patchTwin(device, { tags: { test: id } });
  await eventually(
    async () => (await twinOf(device)).properties.desired.climate?.target === 21,
    'the configuration is applied',
  );

  const read = (await service.getConfiguration(id)).responseBody;
  const updated = (await service.updateConfiguration({ ...read, priority: 20 })).responseBody;
  assert.equal(updated.priority, 20);
  await assert.rejects(service.updateConfiguration({ ...read, priority: 30 }), { name: 'InvalidEtagError' });
  await service.updateConfiguration({ ...read, priority: 30 }, true);
  assert.equal((await service.getConfiguration(id)).responseBody.priority, 30);

  await service.removeConfiguration(id);
  // Only DeviceNotFound and IotHubNotFound have an error class in this SDK.
  await assert.rejects(service.getConfiguration(id), (error) => error.response.statusCode === 404);
});

test('content is applied on an edge device: its modules get their desired properties', async () => {
  const service = registry();
  const deviceId = newId('edge');
  await service.create({ deviceId, capabilities: { iotEdge: true } });
  const content = {
    modulesContent: {
      $edgeAgent: {
        'properties.desired': {
          schemaVersion: '1.0',
          runtime: { type: 'docker', settings: {} },
          systemModules: {
            edgeAgent: { type: 'docker', settings: { image: 'agent', createOptions: '' } },
            edgeHub: {
              type: 'docker', status: 'running', restartPolicy: 'always',
              settings: { image: 'hub', createOptions: '' },
            },
          },
          modules: {
            filter: {
              version: '1.0', type: 'docker', status: 'running', restartPolicy: 'always',
              settings: { image: 'filter', createOptions: '' },
            },
          },
        },
      },
      $edgeHub: {
        'properties.desired': {
          schemaVersion: '1.0', routes: {}, storeAndForwardConfiguration: { timeToLiveSecs: 60 },
        },
      },
      filter: { 'properties.desired': { limit: 5 } },
    },
  };
  await service.applyConfigurationContentOnDevice(deviceId, content);
  assert.equal((await twinOf({ deviceId, moduleId: 'filter' })).properties.desired.limit, 5);
  assert.equal((await twinOf({ deviceId, moduleId: '$edgeAgent' })).properties.desired.schemaVersion, '1.0');
});
