// Devices and modules of azure-iot-device come and go.
'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { test } = require('node:test');
const { Message } = require('azure-iot-device');
const { Http } = require('azure-iot-device-http');
const { clientOf, connected, eventually, links, newIdentity, patchTwin, refused, registry, twinOf } = require('./support.js');

const wrongKey = Buffer.alloc(32).toString('base64');

for (const { kind, transport, who } of links) {
  test(`a ${who} with a wrong key is an UnauthorizedError`, async (t) => {
    const identity = await newIdentity(kind);
    await refused(clientOf(t, identity, transport, wrongKey).open(), 'UnauthorizedError');
  });

  test(`the hub sees a ${who} come and go`, async (t) => {
    const identity = await newIdentity(kind);
    const state = async () => (await twinOf(identity)).connectionState;
    const client = await connected(t, identity, transport);
    await client.sendEvent(new Message('over AMQP its link is what counts'));
    assert.equal(await state(), 'Connected');
    await client.close();
    await eventually(async () => (await state()) === 'Disconnected', 'it is gone');
  });

  test(`a ${who} whose token is renewed keeps its subscriptions`, async (t) => {
    const identity = await newIdentity(kind);
    const client = await connected(t, identity, transport);
    let heard;
    (await client.getTwin()).on('properties.desired', (delta) => (heard = delta));
    // On an open link these values renew the token at once: over AMQP on the same connection, over MQTT on a new one,
    // and without subscribing again.
    await client.setOptions({ tokenRenewal: { tokenValidTimeInSeconds: 3000, tokenRenewalMarginInSeconds: 600 } });
    await client.sendEvent(new Message('after the renewal'));
    await patchTwin(identity, { properties: { desired: { after: 'renewal' } } });
    await eventually(() => heard?.after === 'renewal', 'the desired change is heard');
  });
}

test('a newer link of a device takes over from the older', async (t) => {
  const identity = await newIdentity('device');
  const older = await connected(t, identity);
  older.setRetryPolicy({ shouldRetry: () => false, nextRetryTimeout: () => 0 });
  const end = once(older, 'disconnect');
  const newer = await connected(t, identity);
  await end;
  await newer.sendEvent(new Message('from the newer'));
});

test('a disabled device is an UnauthorizedError, over HTTP a DeviceNotFoundError', async (t) => {
  const identity = await newIdentity('device');
  await registry().update({ deviceId: identity.deviceId, status: 'disabled' });
  for (const { transport } of links.filter((link) => link.kind === 'device')) {
    await refused(clientOf(t, identity, transport).open(), 'UnauthorizedError');
  }
  // Over HTTP there is nothing to open.
  await refused((await connected(t, identity, Http)).sendEvent(new Message('x')), 'DeviceNotFoundError');
});

test('a wrong key over HTTP is an UnauthorizedError of the message', async (t) => {
  const client = clientOf(t, await newIdentity('device'), Http, wrongKey);
  await refused(client.sendEvent(new Message('x')), 'UnauthorizedError');
});
