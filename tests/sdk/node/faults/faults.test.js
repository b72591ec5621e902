// Faults that azure-iot-device asks for by telemetry, as the SDKs' own end-to-end suites do. Run with --fault-injection.
'use strict';

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { setTimeout: pause } = require('node:timers/promises');
const { NoRetry } = require('azure-iot-common');
const { Message } = require('azure-iot-device');
const { Amqp } = require('azure-iot-device-amqp');
const { Http } = require('azure-iot-device-http');
const { Client } = require('azure-iothub');
const { clientOf, connected, connectionString, eventually, newIdentity, onMethod, patchTwin } = require('../support.js');

function fault(type, seconds) {
  const message = new Message('fault');
  message.properties.add('AzIoTHub_FaultOperationType', type);
  message.properties.add('AzIoTHub_FaultOperationCloseReason', 'Boom');
  message.properties.add('AzIoTHub_FaultOperationDelayInSecs', '0');
  message.properties.add('AzIoTHub_FaultOperationDurationInSecs', String(seconds));
  return message;
}

// The SDK knows no name for 429 over HTTP.
const httpNames = { ThrottlingError: 'Error' };
const invokes = [
  ['InvokeThrottling', 'ThrottlingError'],
  ['InvokeMaxMessageQuota', 'IotHubQuotaExceededError'],
  ['InvokeAuthError', 'UnauthorizedError'],
];

for (const [type, name] of invokes) {
  test(`${type} over HTTP refuses its own message and those after it, for its time`, async (t) => {
    const client = clientOf(t, await newIdentity('device'), Http);
    client.setRetryPolicy(new NoRetry());
    const refusal = { name: httpNames[name] ?? name };
    await assert.rejects(client.sendEvent(fault(type, 2)), refusal);
    await assert.rejects(client.sendEvent(new Message('during')), refusal);
    await pause(2100);
    await client.sendEvent(new Message('after'));
  });

  test(`${type} over AMQP rejects what comes after it, for its time`, async (t) => {
    const client = await connected(t, await newIdentity('device'), Amqp);
    client.setRetryPolicy(new NoRetry());
    await client.sendEvent(fault(type, 2));
    await assert.rejects(client.sendEvent(new Message('during')), { name });
    await pause(2100);
    await eventually(() => client.sendEvent(new Message('after')).then(() => true, () => false), 'telemetry is taken again');
  });
}

/** All of it again, within half a minute. */
async function works(identity, client, twinHeard) {
  await eventually(
    () => client.sendEvent(new Message('after')).then(() => true, () => false), 'telemetry is taken again', 30);
  const call = { methodName: 'echo', payload: 7, connectTimeoutInSeconds: 2, responseTimeoutInSeconds: 5 };
  await eventually(async () => {
    const service = Client.fromConnectionString(connectionString);
    const answer = await service.invokeDeviceMethod(identity.deviceId, call).catch(() => undefined);
    return answer?.result.payload === 7;
  }, 'methods are answered again', 30);
  let n = 0;
  await eventually(async () => {
    await patchTwin(identity, { properties: { desired: { n: ++n } } });
    await pause(200);
    return twinHeard() === n;
  }, 'desired properties are heard of again', 30);
}

async function withEverything(t, identity) {
  const client = await connected(t, identity, Amqp);
  onMethod(client, 'echo', (request, response) => response.send(200, request.payload));
  client.on('message', () => {});
  client.on('error', () => {});
  let heard;
  (await client.getTwin()).on('properties.desired.n', (n) => (heard = n));
  return [client, () => heard];
}

// A close of the connection or of the session as amqp:connection:forced is no error that this SDK tries again after.
const kills = [
  ['KillTcp', true], ['KillAmqpCBSLinkReq', true], ['KillAmqpCBSLinkResp', true],
  ['KillAmqpConnection', false], ['KillAmqpSession', false], ['ShutDownAmqp', false],
];

describe('faults of an AMQP connection', { concurrency: true }, () => {
  for (const [type, comesBack] of kills) {
    test(`after ${type} ${comesBack ? 'the client comes back by itself' : 'a client can be opened anew'}`, async (t) => {
      const identity = await newIdentity('device');
      let [client, heard] = await withEverything(t, identity);
      await client.sendEvent(fault(type, 5));
      await pause(300);
      if (!comesBack) {
        // Its next message connects it, but not what it subscribes to. A connection that closes without its links and
        // sessions costs azure-iot-amqp-base 2.5 45 s.
        const sends = () => client.sendEvent(new Message('at once')).then(() => true, () => false);
        await eventually(sends, 'the same client sends on', 10);
        [client, heard] = await withEverything(t, identity);
      }
      await works(identity, client, heard);
    });
  }
});
