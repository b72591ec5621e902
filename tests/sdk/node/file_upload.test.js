// File upload: azure-iot-device's uploadToBlob (with its @azure/storage-blob) to the hub's own blob endpoint, and
// azure-iothub's receiver of file notifications.
'use strict';

const assert = require('node:assert/strict');
const { after, test } = require('node:test');
const { Readable } = require('node:stream');
const { Amqp, Client } = require('azure-iothub');
const { BlockBlobClient } = require('@azure/storage-blob');
const { clientOf, connectionString, eventually, newIdentity, slowness } = require('./support.js');

// azure-iothub's AMQP client sometimes leaves something behind that keeps the process alive after close().
after(() => setTimeout(() => process.exit(), 1000).unref());

async function notifications(t) {
  const client = Client.fromConnectionString(connectionString, Amqp);
  await client.open();
  t.after(() => client.close().catch(() => {}));
  const receiver = await new Promise((resolve, reject) => {
    client.getFileNotificationReceiver((error, made) => (error ? reject(error) : resolve(made)));
  });
  const received = [];
  receiver.on('message', (message) => received.push(JSON.parse(message.data.toString())));
  return received;
}

test('uploadToBlob stores a file and the service side is notified', { timeout: 60_000 * slowness }, async (t) => {
  const received = await notifications(t);
  const identity = await newIdentity('device');
  const device = clientOf(t, identity);
  const size = 9_000_000; // three blocks of the SDK's
  const content = Buffer.alloc(size, 'file upload ');
  await device.uploadToBlob('folder/file.txt', Readable.from([content]), size);
  const ofDevice = () => received.find((each) => each.deviceId === identity.deviceId);
  const notification = await eventually(ofDevice, 'the notification comes');
  assert.equal(notification.blobName, `${identity.deviceId}/folder/file.txt`);
  assert.equal(notification.blobSizeInBytes, size);
  assert.match(notification.blobUri, /^https:\/\/localhost.*\/uploads\//);
  assert.ok(Math.abs(new Date(notification.lastUpdatedTime) - Date.now()) < 60_000 * slowness);
});

test('an application uploads by itself and reads the blob back', { timeout: 60_000 * slowness }, async (t) => {
  const received = await notifications(t);
  const identity = await newIdentity('device');
  const device = clientOf(t, identity);
  const info = await device.getBlobSharedAccessSignature('mine.txt');
  const url = `https://${info.hostName}/${info.containerName}/${encodeURIComponent(info.blobName)}${info.sasToken}`;
  const blob = new BlockBlobClient(url);
  await blob.upload('hello', 5);
  assert.equal((await blob.downloadToBuffer(1, 3)).toString(), 'ell');
  assert.equal((await blob.getProperties()).contentLength, 5);
  await assert.rejects(blob.upload('x', 1, { conditions: { ifNoneMatch: '*' } }), { code: 'BlobAlreadyExists' });
  await device.notifyBlobUploadStatus(info.correlationId, true, 200, 'done');
  const ofDevice = () => received.find((each) => each.deviceId === identity.deviceId);
  assert.equal((await eventually(ofDevice, 'the notification comes')).blobSizeInBytes, 5);
});
