// A twin from the device's or module's side: azure-iot-device over every transport that has twins.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { connected, eventually, links, newIdentity, patchTwin, twinOf } = require('./support.js');

function report(twin, patch) {
  return new Promise((resolve, reject) => {
    twin.properties.reported.update(patch, (error) => (error ? reject(error) : resolve()));
  });
}

for (const { kind, transport, who } of links) {
  test(`reported properties of a ${who} reach the service, null removes one`, async (t) => {
    const identity = await newIdentity(kind);
    const twin = await (await connected(t, identity, transport)).getTwin();
    await report(twin, { firmware: { version: '1.2', beta: true } });
    await report(twin, { firmware: { beta: null } });
    const { reported } = (await twinOf(identity)).properties;
    assert.deepEqual(reported.firmware, { version: '1.2' });
    assert.equal(reported.$version, 3);
  });

  test(`a ${who} reads its twin and hears desired changes`, async (t) => {
    const identity = await newIdentity(kind);
    await patchTwin(identity, { properties: { desired: { before: 1 } } });
    const client = await connected(t, identity, transport);
    const twin = await client.getTwin();
    assert.equal(twin.properties.desired.before, 1);
    const heard = [];
    twin.on('properties.desired', (delta) => heard.push(delta));
    let climate;
    twin.on('properties.desired.climate', (delta) => (climate = delta));
    // The SDK subscribes when the first listener comes and does not tell when it has.
    let target = 20;
    await eventually(async () => {
      await patchTwin(identity, { properties: { desired: { climate: { target: ++target } } } });
      return climate?.target === target;
    }, 'a desired change is heard');
    assert.equal(heard.at(-1).$version, (await twinOf(identity)).properties.desired.$version);
    assert.equal(twin.properties.desired.climate.target, target);
  });

  test(`a twin patch of a ${who} that the hub refuses is an error of the callback`, async (t) => {
    const twin = await (await connected(t, await newIdentity(kind), transport)).getTwin();
    await assert.rejects(report(twin, { 'a.b$': 1 }));
    await report(twin, { fine: 1 });
  });
}
