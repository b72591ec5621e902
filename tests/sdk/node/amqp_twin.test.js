// Twins of devices and modules through azure-iot-device over AMQP: TCP and WebSocket.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { Amqp, AmqpWs } = require('azure-iot-device-amqp');
const { connected, eventually, kinds, newIdentity, patchTwin, report, twinOf } = require('./support.js');

const transports = [['AMQP', Amqp], ['AMQP over WebSocket', AmqpWs]];

for (const [name, transport] of transports) {
  for (const kind of kinds) {
    test(`a ${kind} reads its twin over ${name}`, async (t) => {
      const identity = await newIdentity(kind);
      await patchTwin(identity, { tags: { floor: 2 }, properties: { desired: { before: 1 } } });
      const client = await connected(t, identity, transport);
      const twin = await client.getTwin();
      assert.equal(twin.properties.desired.before, 1);
      assert.equal(twin.properties.desired.$version, 2);
      assert.equal(twin.tags, undefined);
    });

    test(`a ${kind}'s reported properties reach the service over ${name}, null removes one`, async (t) => {
      const identity = await newIdentity(kind);
      const twin = await (await connected(t, identity, transport)).getTwin();
      await report(twin, { firmware: { version: '1.2', beta: true } });
      await report(twin, { firmware: { beta: null } });
      const { reported } = (await twinOf(identity)).properties;
      assert.deepEqual(reported.firmware, { version: '1.2' });
      assert.equal(reported.$version, 3);
    });

    test(`a ${kind} hears desired changes over ${name}`, async (t) => {
      const identity = await newIdentity(kind);
      const twin = await (await connected(t, identity, transport)).getTwin();
      const heard = [];
      twin.on('properties.desired', (delta) => heard.push(delta));
      // The SDK subscribes when the first listener comes and does not tell when it has.
      let target = 20;
      await eventually(async () => {
        await patchTwin(identity, { properties: { desired: { climate: { target: ++target } } } });
        return heard.at(-1)?.climate?.target === target;
      }, 'a desired change is heard');
      assert.equal(heard.at(-1).$version, (await twinOf(identity)).properties.desired.$version);
      assert.equal(twin.properties.desired.climate.target, target);
    });
  }
}

test('a twin patch that the hub refuses over AMQP is an error', async (t) => {
  const twin = await (await connected(t, await newIdentity('device'), Amqp)).getTwin();
  // A FormatError inside, which the SDK wraps.
  await assert.rejects(report(twin, { 'a.b$': 1 }), /could not update twin reported properties/);
  await report(twin, { ab: 1 });
});

test('fifty reported patches in a row count up over AMQP', async (t) => {
  const identity = await newIdentity('device');
  const twin = await (await connected(t, identity, Amqp)).getTwin();
  for (let i = 1; i <= 50; ++i) await report(twin, { i });
  const { reported } = (await twinOf(identity)).properties;
  assert.equal(reported.i, 50);
  assert.equal(reported.$version, 51);
});
