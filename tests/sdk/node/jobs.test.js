// Jobs through azure-iothub's JobClient.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { JobClient } = require('azure-iothub');
const { connected, connectionString, eventually, newId, newIdentity, onMethod, patchTwin, twinOf } =
  require('./support.js');

const service = JobClient.fromConnectionString(connectionString);

async function ended(jobId) {
  return eventually(async () => {
    const job = (await service.getJob(jobId)).jobStatus;
    return ['completed', 'failed', 'cancelled'].includes(job.status) && job;
  }, `job ${jobId} ends`);
}

async function all(query) {
  const rows = [];
  do rows.push(...(await query.next(query.continuationToken)).result);
  while (query.hasMoreResults);
  return rows;
}

async function taggedDevice() {
  const device = await newIdentity('device');
  const tag = newId('job');
  await patchTwin(device, { tags: { test: tag } });
  return { device, condition: `tags.test = '${tag}'` };
}

test('a job updates the twins that its condition selects', async () => {
  const { device, condition } = await taggedDevice();
  const jobId = newId('job');
  const patch = { etag: '*', properties: { desired: { interval: 7 } } };
  await service.scheduleTwinUpdate(jobId, condition, patch, new Date(), 60);
  const job = await ended(jobId);
  assert.equal(job.status, 'completed');
  assert.equal(job.type, 'scheduleUpdateTwin');
  assert.equal(job.deviceJobStatistics.succeededCount, 1);
  assert.equal((await twinOf(device)).properties.desired.interval, 7);
  const found = await all(service.createQuery('scheduleUpdateTwin', 'completed', 1));
  assert.ok(found.some((row) => row.jobId === jobId));
});

test('a job calls the method of the devices that its condition selects', async (t) => {
  const { device, condition } = await taggedDevice();
  const client = await connected(t, device);
  onMethod(client, 'reboot', (request, response) => response.send(200, { delay: request.payload.delay }));
  const jobId = newId('job');
  const method = { methodName: 'reboot', payload: { delay: 3 }, responseTimeoutInSeconds: 15 };
  await service.scheduleDeviceMethod(jobId, condition, method, new Date(), 60);
  const job = await ended(jobId);
  assert.equal(job.status, 'completed');
  assert.equal(job.type, 'scheduleDeviceMethod');
  assert.equal(job.deviceJobStatistics.succeededCount, 1);
});

test('a job of the future is scheduled and can be cancelled', async () => {
  const { condition } = await taggedDevice();
  const jobId = newId('job');
  const inAnHour = new Date(Date.now() + 3600_000);
  await service.scheduleTwinUpdate(jobId, condition, { etag: '*', tags: { late: true } }, inAnHour, 60);
  assert.ok(['queued', 'scheduled'].includes((await service.getJob(jobId)).jobStatus.status));
  await service.cancelJob(jobId);
  assert.equal((await ended(jobId)).status, 'cancelled');
});

test('a job that is not there is of unknown type and status', async () => {
  const job = (await service.getJob(newId('job'))).jobStatus;
  assert.deepEqual([job.type, job.status], ['unknown', 'unknown']);
});
