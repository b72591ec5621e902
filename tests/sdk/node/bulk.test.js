// Bulk operations through azure-iothub's Registry.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { newId, refused, registry } = require('./support.js');

test('devices are added, updated and removed in bulk', async () => {
  const service = registry();
  const devices = [newId('bulk'), newId('bulk')].map((deviceId) => ({ deviceId, status: 'enabled' }));
  assert.equal((await service.addDevices(devices)).responseBody.isSuccessful, true);
  for (const { deviceId } of devices) {
    const device = (await service.get(deviceId)).responseBody;
    assert.match(device.authentication.symmetricKey.primaryKey, /^[A-Za-z0-9+/]{43}=$/);
  }

  const disabled = devices.map((device) => ({ ...device, status: 'disabled' }));
  assert.equal((await service.updateDevices(disabled, true)).responseBody.isSuccessful, true);
  assert.equal((await service.get(devices[0].deviceId)).responseBody.status, 'disabled');

  assert.equal((await service.removeDevices(devices, true)).responseBody.isSuccessful, true);
  for (const { deviceId } of devices) await refused(service.get(deviceId), 'DeviceNotFoundError', 404);
});

test('a stale etag is refused unless the bulk operation is forced', async () => {
  const service = registry();
  const deviceId = newId('bulk');
  const { etag } = (await service.create({ deviceId })).responseBody;
  await service.update({ deviceId, status: 'disabled' });
  await refused(service.updateDevices([{ deviceId, etag, status: 'enabled' }], false), 'ArgumentError', 400);
  assert.equal((await service.get(deviceId)).responseBody.status, 'disabled');
  await refused(service.removeDevices([{ deviceId, etag }], false), 'ArgumentError', 400);
  await service.removeDevices([{ deviceId }], true);
});

test('a bulk operation with a device that exists is refused for that device', async () => {
  const service = registry();
  const [present, absent] = [newId('bulk'), newId('bulk')];
  await service.create({ deviceId: present });
  await refused(service.addDevices([{ deviceId: present }, { deviceId: absent }]), 'ArgumentError', 400);
  assert.equal((await service.get(absent)).responseBody.deviceId, absent);
});
