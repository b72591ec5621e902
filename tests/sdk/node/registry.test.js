// Devices and modules through azure-iothub's Registry.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { promisify } = require('node:util');
const { newId, newIdentity, refused, registry } = require('./support.js');

test('a device is created with keys, read, updated, listed and deleted', async () => {
  const service = registry();
  const deviceId = newId('device');
  const created = (await service.create({ deviceId, status: 'enabled' })).responseBody;
  assert.equal(created.deviceId, deviceId);
  assert.match(created.authentication.symmetricKey.primaryKey, /^[A-Za-z0-9+/]{43}=$/);
  assert.notEqual(created.authentication.symmetricKey.primaryKey, created.authentication.symmetricKey.secondaryKey);
  assert.equal(created.connectionState, 'Disconnected');

  const changed = (await service.update({ deviceId, status: 'disabled', statusReason: 'lost' })).responseBody;
  assert.equal(changed.status, 'disabled');
  const read = (await service.get(deviceId)).responseBody;
  assert.equal(read.statusReason, 'lost');
  assert.equal(read.etag, changed.etag);
  assert.equal(read.generationId, created.generationId);

  const listed = (await service.list()).responseBody;
  assert.ok(listed.some((device) => device.deviceId === deviceId));
  await service.delete(deviceId);
  await refused(service.get(deviceId), 'DeviceNotFoundError', 404);
});

test('an id with every special character travels', async (t) => {
  const service = registry();
  const deviceId = newId("a-:.+%_#*?!(),=@$'");
  t.after(() => service.delete(deviceId));
  await service.create({ deviceId });
  assert.equal((await service.get(deviceId)).responseBody.deviceId, deviceId);
  assert.equal((await service.getTwin(deviceId)).responseBody.deviceId, deviceId);
});

test('callbacks get what promises get', (t, done) => {
  const deviceId = newId('device');
  registry().create({ deviceId }, (error, device, response) => {
    try {
      assert.ifError(error);
      assert.equal(device.deviceId, deviceId);
      assert.equal(response.statusCode, 200);
      done();
    } catch (failure) {
      done(failure);
    }
  });
});

test('a module is created, read, updated with its etag and removed', async () => {
  const service = registry();
  const { deviceId } = await newIdentity('device');
  await service.addModule({ deviceId, moduleId: 'first' });
  await service.addModule({ deviceId, moduleId: 'second' });
  const modules = (await service.getModulesOnDevice(deviceId)).responseBody;
  assert.deepEqual(modules.map((module) => module.moduleId).sort(), ['first', 'second']);

  const module = (await service.getModule(deviceId, 'first')).responseBody;
  assert.match(module.authentication.symmetricKey.primaryKey, /^[A-Za-z0-9+/]{43}=$/);
  const changed = (await service.updateModule({ ...module, managedBy: 'somebody' })).responseBody;
  assert.equal(changed.managedBy, 'somebody');
  await refused(service.updateModule({ ...module, managedBy: 'too late' }), 'InvalidEtagError', 412);
  await service.updateModule({ ...module, managedBy: 'by force' }, true);

  // This SDK's removeModule works with a callback only.
  const removeModule = promisify(service.removeModule.bind(service));
  await removeModule(deviceId, 'second');
  await removeModule((await service.getModule(deviceId, 'first')).responseBody);
  assert.deepEqual((await service.getModulesOnDevice(deviceId)).responseBody, []);
});

test('statistics count devices', async () => {
  await newIdentity('device');
  const statistics = (await registry().getRegistryStatistics()).responseBody;
  assert.ok(statistics.totalDeviceCount >= 1);
  assert.equal(statistics.totalDeviceCount, statistics.enabledDeviceCount + statistics.disabledDeviceCount);
});
