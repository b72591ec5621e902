// X.509 certificates and renewed tokens of azure-iot-device over AMQP.
'use strict';

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const { X509Certificate } = require('node:crypto');
const { once } = require('node:events');
const { readFileSync } = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { Client, Message, SharedAccessKeyAuthenticationProvider } = require('azure-iot-device');
const { Amqp, AmqpWs } = require('azure-iot-device-amqp');
const { host, newId, newIdentity, refused, registry } = require('./support.js');

/** A self-signed certificate made by the openssl command. */
function certificateFor(name) {
  const file = path.join(process.env.IOTHUB_TEST_FOLDER, newId(name));
  const options = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1'];
  execFileSync('openssl', ['req', ...options, '-subj', `/CN=${name}`, '-keyout', `${file}.key`, '-out', `${file}.pem`],
    { stdio: 'pipe' });
  const cert = readFileSync(`${file}.pem`, 'utf8');
  const thumbprint = new X509Certificate(cert).fingerprint.replaceAll(':', '');
  return { cert, key: readFileSync(`${file}.key`, 'utf8'), thumbprint };
}

async function x509Device(...certificates) {
  const deviceId = newId('x509');
  const [primary, secondary] = certificates.map((each) => each.thumbprint);
  const x509Thumbprint = { primaryThumbprint: primary, secondaryThumbprint: secondary };
  await registry().create({ deviceId, authentication: { type: 'selfSigned', x509Thumbprint } });
  return deviceId;
}

function x509Client(test, deviceId, { cert, key }, transport) {
  const client = Client.fromConnectionString(`HostName=${host};DeviceId=${deviceId};x509=true`, transport);
  test.after(() => client.close().catch(() => {}));
  client.setOptions({ cert, key });
  return client;
}

for (const [name, transport] of [['AMQP', Amqp], ['AMQP over WebSocket', AmqpWs]]) {
  test(`a device with either of its certificates sends telemetry over ${name}`, async (t) => {
    const [first, second] = [certificateFor('first'), certificateFor('second')];
    const deviceId = await x509Device(first, second);
    for (const certificate of [first, second]) {
      const client = x509Client(t, deviceId, certificate, transport);
      await client.open();
      await client.sendEvent(new Message('x'));
      await client.getTwin();
      await client.close();
    }
  });
}

test('another certificate is an UnauthorizedError over AMQP', async (t) => {
  const deviceId = await x509Device(certificateFor('first'), certificateFor('second'));
  const client = x509Client(t, deviceId, certificateFor('third'), Amqp);
  await client.open();
  await refused(client.sendEvent(new Message('x')), 'UnauthorizedError');
});

test('a token is renewed on the live connection over AMQP', async (t) => {
  const { deviceId, key } = await newIdentity('device');
  const tokens = new SharedAccessKeyAuthenticationProvider({ host, deviceId, sharedAccessKey: key }, 3, 2);
  const client = Client.fromAuthenticationProvider(tokens, Amqp);
  t.after(() => client.close().catch(() => {}));
  let disconnected = 0;
  client.on('disconnect', () => ++disconnected);
  await client.open();
  await client.sendEvent(new Message('before'));
  for (let i = 0; i < 2; ++i) {
    await once(tokens, 'newTokenAvailable');
    await client.sendEvent(new Message('after'));
  }
  assert.equal(disconnected, 0);
});
