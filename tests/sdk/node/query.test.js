// Twin queries through azure-iothub.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { newId, newIdentity, patchTwin, refused, registry } = require('./support.js');

async function tagged(count, tag) {
  const identities = [];
  for (let n = 0; n < count; ++n) {
    identities.push(await newIdentity('device'));
    await patchTwin(identities[n], { tags: { test: tag, n } });
  }
  return identities.map((identity) => identity.deviceId);
}

test('a query pages to its end', async () => {
  const tag = newId('query');
  const ids = await tagged(5, tag);
  const query = registry().createQuery(`SELECT * FROM devices WHERE tags.test = '${tag}'`, 2);
  const found = [];
  let pages = 0;
  while (query.hasMoreResults) {
    const twins = (await query.nextAsTwin()).result;
    assert.ok(twins.length <= 2);
    found.push(...twins.map((twin) => twin.deviceId));
    assert.ok(++pages <= 4, 'the query does not end');
  }
  assert.deepEqual(found.sort(), ids.sort());
  assert.ok(pages >= 3);
});

test('rows of a projection are plain objects', async () => {
  const tag = newId('query');
  const ids = await tagged(2, tag);
  const query = registry().createQuery(`SELECT deviceId, tags.n AS n FROM devices WHERE tags.test = '${tag}'`);
  const rows = (await query.next()).result;
  assert.deepEqual(
    rows.sort((a, b) => a.n - b.n),
    ids.map((deviceId, n) => ({ deviceId, n })),
  );
});

test('groups are counted', async () => {
  const tag = newId('query');
  await tagged(2, tag);
  const query = registry().createQuery(
    `SELECT tags.test AS test, COUNT() AS devices FROM devices WHERE tags.test = '${tag}' GROUP BY tags.test`,
  );
  assert.deepEqual((await query.next()).result, [{ test: tag, devices: 2 }]);
});

test('modules are queried apart', async () => {
  const { deviceId } = await newIdentity('module');
  const query = registry().createQuery(`SELECT * FROM devices.modules WHERE deviceId = '${deviceId}'`);
  const rows = (await query.next()).result;
  assert.deepEqual(rows.map((row) => row.moduleId), ['module']);
});

test('a wrong query is an ArgumentError', async () => {
  await refused(registry().createQuery('SELECT FROM nothing').next(), 'ArgumentError', 400);
});
