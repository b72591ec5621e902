// Devices of azure-iot-device with a certificate that they signed themselves, over every transport.
'use strict';

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const { X509Certificate } = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { Client, Message } = require('azure-iot-device');
const { Http } = require('azure-iot-device-http');
const { Mqtt, MqttWs } = require('azure-iot-device-mqtt');
const { bodyOf, listen } = require('./events.js');
const { host, newId, refused, registry } = require('./support.js');

const telemetryOf = listen();

/** By the openssl command: Node makes none. */
function selfSigned(t) {
  const folder = fs.mkdtempSync(path.join(process.env.IOTHUB_TEST_FOLDER, 'x509-'));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  const [key, cert] = ['key.pem', 'cert.pem'].map((name) => path.join(folder, name));
  execFileSync('openssl', [
    'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=device',
    '-keyout', key, '-out', cert,
  ], { stdio: 'ignore' });
  return { key: fs.readFileSync(key, 'utf8'), cert: fs.readFileSync(cert, 'utf8') };
}

function thumbprint({ cert }, digest) {
  return new X509Certificate(cert)[digest].replaceAll(':', '');
}

function clientOf(t, deviceId, certificate, transport) {
  const client = Client.fromConnectionString(`HostName=${host};DeviceId=${deviceId};x509=true`, transport);
  t.after(() => client.close().catch(() => {}));
  // Not awaited: over HTTP this SDK never calls back.
  client.setOptions(certificate, () => {});
  return client;
}

for (const [name, transport] of [['MQTT', Mqtt], ['MQTT over WebSocket', MqttWs], ['HTTP', Http]]) {
  for (const [digest, property] of [['SHA-1', 'fingerprint'], ['SHA-256', 'fingerprint256']]) {
    test(`a ${digest} thumbprint opens its device over ${name}, and no other certificate does`, async (t) => {
      const own = selfSigned(t);
      const deviceId = newId('device');
      const primaryThumbprint = thumbprint(own, property);
      const x509Thumbprint = { primaryThumbprint, secondaryThumbprint: primaryThumbprint };
      await registry().create({ deviceId, authentication: { type: 'selfSigned', x509Thumbprint } });

      const client = clientOf(t, deviceId, own, transport);
      await client.open();
      await client.sendEvent(new Message('by certificate'));
      const [event] = await telemetryOf({ deviceId });
      assert.equal(bodyOf(event), 'by certificate');
      assert.equal(JSON.parse(event.systemProperties['iothub-connection-auth-method']).type, 'x509');

      const other = clientOf(t, deviceId, selfSigned(t), transport);
      // Over HTTP there is nothing to open.
      await refused(other.open().then(() => other.sendEvent(new Message('x'))), 'UnauthorizedError');
    });
  }
}
