// Faults that azure-iot-device asks for by telemetry, as the SDKs' own end-to-end suites do. Run with --fault-injection.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { setTimeout: pause } = require('node:timers/promises');
const { NoRetry } = require('azure-iot-common');
const { Message } = require('azure-iot-device');
const { Amqp, AmqpWs } = require('azure-iot-device-amqp');
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

const invokes = [
  ['InvokeThrottling', 'ThrottlingError'],
  ['InvokeMaxMessageQuota', 'IotHubQuotaExceededError'],
  ['InvokeAuthError', 'UnauthorizedError'],
];

for (const [type, name] of invokes) {
  test(`${type} over HTTP refuses its own message and those after it, for its time`, async (t) => {
    const client = clientOf(t, await newIdentity('device'), Http);
    client.setRetryPolicy(new NoRetry());
    await assert.rejects(client.sendEvent(fault(type, 2)), { name });
    await assert.rejects(client.sendEvent(new Message('during')), { name });
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

const kills = [
  'KillTcp', 'KillAmqpConnection', 'KillAmqpSession', 'KillAmqpCBSLinkReq', 'KillAmqpCBSLinkResp', 'KillAmqpD2CLink',
  'KillAmqpC2DLink', 'KillAmqpTwinLinkReq', 'KillAmqpTwinLinkResp', 'KillAmqpMethodReqLink', 'KillAmqpMethodRespLink',
  'ShutDownAmqp',
];

for (const [over, transport] of [['AMQP', Amqp], ['AMQP over WebSocket', AmqpWs]]) {
  for (const type of kills) {
    test(`after ${type} over ${over} the device comes back by itself with telemetry, methods and twin`, async (t) => {
      const identity = await newIdentity('device');
      const client = await connected(t, identity, transport);
      onMethod(client, 'echo', (request, response) => response.send(200, request.payload));
      client.on('message', () => {});
      client.on('error', () => {});
      const twin = await client.getTwin();
      let heard;
      twin.on('properties.desired.n', (n) => (heard = n));

      await client.sendEvent(fault(type, 5));
      await pause(300);
      await eventually(
        () => client.sendEvent(new Message('after')).then(() => true, () => false), 'telemetry is taken again', 30);
      await eventually(async () => {
        const call = { methodName: 'echo', payload: 7, connectTimeoutInSeconds: 2, responseTimeoutInSeconds: 5 };
        const answer = await Client.fromConnectionString(connectionString)
          .invokeDeviceMethod(identity.deviceId, call)
          .catch(() => undefined);
        return answer?.result.payload === 7;
      }, 'methods are answered again', 30);
      let n = 0;
      await eventually(async () => {
        await patchTwin(identity, { properties: { desired: { n: ++n } } });
        await pause(200);
        return heard === n;
      }, 'desired properties are heard of again', 30);
    });
  }
}
