// Twins through azure-iothub: the Registry's calls and the Twin object.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { kinds, newIdentity, patchTwin, refused, twinOf } = require('./support.js');

for (const kind of kinds) {
  test(`a ${kind}'s twin takes tags and desired properties, and null removes one`, async () => {
    const identity = await newIdentity(kind);
    const twin = await twinOf(identity);
    assert.equal(twin.deviceId, identity.deviceId);
    assert.equal(twin.moduleId, identity.moduleId);
    assert.equal(twin.properties.desired.$version, 1);

    await patchTwin(identity, { tags: { floor: 3 }, properties: { desired: { climate: { target: 21, fan: 'low' } } } });
    const patched = await patchTwin(identity, { properties: { desired: { climate: { fan: null } } } });
    assert.deepEqual(patched.tags, { floor: 3 });
    assert.deepEqual(patched.properties.desired.climate, { target: 21 });
    assert.equal(patched.properties.desired.$version, 3);
  });

  test(`a ${kind}'s twin refuses a stale etag`, async () => {
    const identity = await newIdentity(kind);
    const { etag } = await twinOf(identity);
    await patchTwin(identity, { tags: { writer: 'first' } }, etag);
    await refused(patchTwin(identity, { tags: { writer: 'second' } }, etag), 'InvalidEtagError', 412);
    assert.equal((await twinOf(identity)).tags.writer, 'first');
  });

  test(`the Twin object of a ${kind} updates itself with the etag it holds`, async () => {
    const identity = await newIdentity(kind);
    const twin = await twinOf(identity);
    const updated = (await twin.update({ tags: { floor: 1 } })).result;
    assert.equal(updated.tags.floor, 1);
    await patchTwin(identity, { tags: { floor: 2 } });
    await refused(twin.update({ tags: { floor: 3 } }), 'InvalidEtagError', 412);
    const again = (await twin.get()).result;
    await again.update({ properties: { desired: { on: true } } });
    assert.equal((await twinOf(identity)).properties.desired.on, true);
  });
}
