'use strict';

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const path = require('node:path');
const test = require('node:test');
const { promisify } = require('node:util');
const { Message } = require('azure-iot-device');
const { Amqp } = require('azure-iot-device-amqp');
const { MqttWs } = require('azure-iot-device-mqtt');
const { Client: ServiceClient } = require('azure-iothub');
const {
  closeBrowser, connected, control, eventually, liveHeap, newDevice, newId, openPage, origin, picture, service, slowness,
} = require('./support.js');

test.after(closeBrowser);

test('the tutorial: device, module, copy its connection string, in three clicks', async (t) => {
  const device = await newDevice('tutorial');
  await service('PUT', `/devices/${device}/modules/pump`, { deviceId: device, moduleId: 'pump' });
  const page = await openPage(t, { hash: '#/devices' });
  await page.getByRole('link', { name: device, exact: true }).click();
  await page.getByRole('link', { name: 'pump', exact: true }).click();
  await page.getByRole('button', { name: 'Copy Connection string' }).click();
  await page.getByRole('button', { name: 'Copied' }).waitFor();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  assert.match(copied, new RegExp(`^HostName=localhost;DeviceId=${device};ModuleId=pump;SharedAccessKey=.+=$`));
  await picture(page, 'module');
});

test('a device and its module are created, disabled, enabled and deleted', async (t) => {
  const device = newId('made');
  const page = await openPage(t, { hash: '#/devices' });
  await page.getByLabel('New device').fill(device);
  await page.getByRole('button', { name: 'Create' }).click();
  await page.getByText(`device ${device} created`).waitFor();
  await page.goto(`${origin}/#/devices/${device}`);
  await page.getByLabel('New module').fill('pump');
  await page.getByRole('button', { name: 'Create' }).click();
  await page.getByRole('link', { name: 'pump', exact: true }).waitFor();
  await page.getByRole('button', { name: 'Disable' }).click();
  await page.getByText('disabled', { exact: true }).waitFor();
  assert.equal((await service('GET', `/devices/${device}`)).status, 'disabled');
  await page.getByRole('button', { name: 'Enable' }).click();
  await page.getByRole('button', { name: 'Disable' }).waitFor();
  page.once('dialog', (dialog) => dialog.accept());
  await page.getByRole('button', { name: 'Delete' }).first().click();
  await page.getByRole('heading', { name: 'Devices' }).waitFor();
  await assert.rejects(service('GET', `/devices/${device}`), /404/);
});

test('keys stay hidden until somebody asks', async (t) => {
  const device = await newDevice();
  const page = await openPage(t, { hash: `#/devices/${device}` });
  const key = (await service('GET', `/devices/${device}`)).authentication.symmetricKey.primaryKey;
  const credentials = page.getByRole('region', { name: 'Credentials' });
  await credentials.getByText('Primary key').first().waitFor();
  assert.ok(!(await credentials.innerText()).includes(key));
  await credentials.locator('.pasteable', { hasText: 'Primary key' }).getByRole('button', { name: 'Show' }).click();
  assert.ok((await credentials.innerText()).includes(key));
});

test('a patch of somebody else shows within a second, and writing against the old etag is a clear 412', async (t) => {
  const device = await newDevice('twin');
  await service('PATCH', `/twins/${device}`, { tags: { site: 'north' } });
  const page = await openPage(t, { hash: `#/devices/${device}` });
  const desired = page.getByRole('region', { name: 'Desired properties' });
  await desired.getByText('version 1').waitFor();
  await service('PATCH', `/twins/${device}`, { properties: { desired: { level: 7 } } });
  await desired.getByText('level').waitFor({ timeout: 1000 * slowness });
  await desired.getByText('version 2').waitFor();
  await page.getByText('Versions since this screen was opened').click();
  await page.locator('.diff').getByText('desired.level').waitFor();
  const earlier = page.getByRole('list', { name: 'Earlier changes' });
  await earlier.getByText('{"tags":{"site":"north"}}').waitFor();
  assert.equal(await earlier.getByRole('listitem').count(), 1); // what the screen has seen is not told twice
  await picture(page, 'twin');

  await page.getByLabel('hold this version').check();
  await service('PATCH', `/twins/${device}`, { properties: { desired: { level: 8 } } });
  await page.getByText('Edit tags and desired properties').click();
  await page.getByLabel('Patch, or the whole new twin').fill('{"properties":{"desired":{"level":9}}}');
  await page.getByRole('button', { name: 'Apply as patch' }).click();
  await page.getByText('Somebody else changed it meanwhile').waitFor();
  await page.getByRole('button', { name: 'Load again' }).click();
  await desired.getByText('version 3').waitFor();
  await page.getByRole('button', { name: 'Apply as patch' }).click();
  await page.getByText('Twin patched').waitFor();
  assert.equal((await service('GET', `/twins/${device}`)).properties.desired.level, 9);
});

test('JSON that cannot be read is said at once, and cannot be applied', async (t) => {
  const device = await newDevice();
  const page = await openPage(t, { hash: `#/devices/${device}` });
  await page.getByText('Edit tags and desired properties').click();
  await page.getByLabel('Patch, or the whole new twin').fill('{"properties":');
  await page.locator('.fault', { hasText: 'JSON' }).waitFor();
  assert.ok(await page.getByRole('button', { name: 'Apply as patch' }).isDisabled());
});

test('a direct method of a real device answers, and its refusal is told', async (t) => {
  const device = await newDevice('method');
  const page = await openPage(t, { hash: `#/devices/${device}` });
  const form = page.getByRole('region', { name: 'Direct method' });
  await form.getByLabel('Name').fill('reboot');
  await form.getByLabel('Payload').fill('{"now":true}');
  await form.getByRole('button', { name: 'Invoke' }).click();
  await form.getByText(/\(404\)/).waitFor();
  const client = await connected(t, device);
  await new Promise((resolve) => {
    client.onDeviceMethod('reboot', (request, response) => response.send(201, { took: request.payload }));
    setTimeout(resolve, 300 * slowness);
  });
  await form.getByRole('button', { name: 'Invoke' }).click();
  await form.getByText('201 {"took":{"now":true}}').waitFor();
  await page.locator('.state.on', { hasText: 'Connected' }).waitFor();
});

test('a cloud-to-device message reaches a real device', async (t) => {
  const device = await newDevice('c2d');
  const client = await connected(t, device);
  const received = new Promise((resolve) => client.on('message', (message) => {
    client.complete(message).catch(() => {});
    resolve(message);
  }));
  const page = await openPage(t, { hash: `#/devices/${device}` });
  const form = page.getByRole('region', { name: 'Cloud-to-device' });
  await form.getByLabel('Body').fill('hello');
  await form.getByLabel('Properties').fill('colour=blue');
  await form.getByRole('button', { name: 'Send' }).click();
  const message = await received;
  assert.equal(message.getData().toString(), 'hello');
  assert.equal(message.properties.getValue('colour'), 'blue');
});

/** A page at a device's cloud-to-device messages, live. */
async function openC2d(t, device) {
  const page = await openPage(t, { hash: `#/devices/${device}` });
  await page.locator('header .state.on').waitFor();
  const region = (name) => page.getByRole('region', { name, exact: true });
  const [form, queue, feedback] = ['Cloud-to-device', 'Queue', 'Feedback'].map(region);
  await queue.getByText('Empty.').waitFor();
  return {
    page, form, queue, feedback,
    async send(id, { body = id, ack = 'full', expires = '' } = {}) {
      await form.getByLabel('Message id').fill(id);
      await form.getByLabel('Body').fill(body);
      await form.getByLabel('Feedback').selectOption(ack);
      await form.getByLabel('Expires after').fill(expires);
      await form.getByRole('button', { name: 'Send' }).click();
    },
    /** The message is where these states, in this order, have led it. */
    came: (id, states) => form.getByRole('list', { name: 'Sent messages' }).getByRole('listitem')
      .filter({ hasText: new RegExp(`${id}\\b`) }).filter({ hasText: new RegExp(states.join('.*')) }).waitFor(),
    told: (id, status) => feedback.getByRole('row', { name: new RegExp(`${id} ${device} ${status}`) }).waitFor(),
  };
}

/** A real device over AMQP, which settles when it is told to, and the messages that it has received. */
async function receiving(t, device) {
  const client = await connected(t, device, undefined, Amqp);
  const received = [];
  client.on('message', (message) => received.push(message));
  const next = () => eventually(() => received.shift(), 'a message comes to the device');
  return { client, next };
}

test('a sent message is followed from enqueued to completed, and looking at its feedback takes it from nobody', async (t) => {
  const device = await newDevice('followed');
  const reader = ServiceClient.fromConnectionString(process.env.IOTHUB_CONNECTION_STRING);
  await reader.open();
  t.after(() => reader.close());
  const receivedFeedback = [];
  const receiver = await promisify(reader.getFeedbackReceiver.bind(reader))();
  receiver.on('message', (batch) => receivedFeedback.push(...JSON.parse(batch.data)));

  const { page, form, queue, send, came, told } = await openC2d(t, device);
  const id = newId('order');
  await form.getByLabel('Properties').fill('colour=blue');
  await send(id, { body: 'heat to 21' });
  await came(id, ['enqueued']);
  const waiting = queue.getByRole('listitem').filter({ hasText: id });
  await waiting.getByText('enqueued', { exact: true }).waitFor();
  const said = await waiting.innerText();
  assert.match(said, /#1[^]*deliveries 0[^]*enqueued 20..-[^]*expires 20..-[^]*feedback full[^]*colour=blue/);
  await waiting.getByText('Body, 10 bytes').click();
  await waiting.getByText('heat to 21').waitFor();

  const { client, next } = await receiving(t, device);
  const message = await next();
  await came(id, ['enqueued', 'invisible']);
  await waiting.getByText(/^invisible until \d\d:\d\d:\d\d$/).waitFor();
  await send(newId('waiting'), { ack: 'negative' });
  await queue.getByText('2 of 50').waitFor();
  await client.complete(message);
  await came(id, ['enqueued', 'invisible', 'completed']);
  await waiting.waitFor({ state: 'detached' });
  await told(id, 'Success Success');
  await form.scrollIntoViewIfNeeded();
  await page.evaluate(() => document.querySelector('[aria-label=Cloud-to-device]').scrollIntoView());
  await picture(page, 'c2d');

  // Records leave in batches after 15 s: nothing on the page has taken this one.
  await eventually(() => receivedFeedback.some((record) => record.originalMessageId === id), 'the service has it', 30);
  await page.reload();
  await queue.getByText('1 of 50').waitFor();
});

test('each other end of a message is told: rejected, abandoned too often, expired, purged; a lost lock leaves it enqueued', async (t) => {
  const device = await newDevice('ends');
  const { form, queue, send, came, told } = await openC2d(t, device);
  const ids = Object.fromEntries(['rejected', 'abandoned', 'lost', 'expired'].map((name) => [name, newId(name)]));

  await send(ids.expired, { expires: '1' });
  await came(ids.expired, ['enqueued', 'dead-lettered, expired']);
  await told(ids.expired, 'Expired');

  await send(ids.rejected);
  const { client, next } = await receiving(t, device);
  await client.reject(await next());
  await came(ids.rejected, ['enqueued', 'invisible', 'dead-lettered, rejected']);
  await told(ids.rejected, 'Rejected');

  await send(ids.abandoned);
  await client.abandon(await next());
  await came(ids.abandoned, ['invisible', 'enqueued again, abandoned', 'invisible']);
  await queue.getByText('deliveries 1').waitFor();
  for (let count = 1; count < 10; ++count) await client.abandon(await next());
  await came(ids.abandoned, ['dead-lettered, delivered too often']);
  await told(ids.abandoned, 'DeliveryCountExceeded');

  await send(ids.lost);
  await next();
  await client.close();
  await came(ids.lost, ['invisible', 'enqueued again, lock lost']);
  await queue.getByText('enqueued', { exact: true }).waitFor();
  await form.getByRole('button', { name: 'Purge the queue' }).click();
  await came(ids.lost, ['enqueued again, lock lost', 'purged']);
  await told(ids.lost, 'Purged');
  await queue.getByText('Empty.').waitFor();
});

test('a full queue of the largest bodies is looked at by their beginnings', async (t) => {
  const device = await newDevice('full');
  const { page, queue } = await openC2d(t, device);
  const looks = [];
  page.on('response', async (answer) => answer.url().includes('/c2d?') && looks.push(await answer.json()));
  const body = 'ü'.repeat(32_000);  // 64,000 bytes
  for (let count = 0; count < 50; ++count) await control('POST', `devices/${device}/c2d`, { body, messageId: `m${count}` });
  await queue.getByText('50 of 50').waitFor();
  const look = await eventually(() => looks.find(({ messages }) => messages.length === 50), 'the page has looked');
  assert.equal(look.messages[49].body, 'ü'.repeat(512));
  assert.ok(JSON.stringify(look).length < 50_000, 'no more than the beginnings is loaded');
  await queue.getByText('Body, 64000 bytes, the first 1024 of them').first().waitFor();
  await control('POST', `devices/${device}/c2d`, { body: 'one more' }).then(
    () => assert.fail('the 51st was taken'), (refusal) => assert.match(String(refusal), /403/));
});

test('the watch shows telemetry live, filters, pauses and saves it', async (t) => {
  const device = await newDevice('watch');
  const client = await connected(t, device);
  const page = await openPage(t, { hash: '#/watch' });
  await page.locator('header .state.on').waitFor();
  const send = (text) => client.sendEvent(new Message(text));
  await send('{"level":1}');
  const row = page.locator('.line', { hasText: device }).filter({ hasText: 'telemetry' });
  await row.first().waitFor();
  await page.getByLabel('Words').fill('no-such-word');
  await row.first().waitFor({ state: 'detached' });
  await page.getByLabel('Words').fill(device);
  await row.first().waitFor();
  await picture(page, 'watch');
  await page.getByRole('button', { name: 'Pause' }).click();
  const before = await row.count();
  await send('{"level":2}');
  await page.waitForTimeout(300 * slowness);
  assert.equal(await row.count(), before);
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Save as JSON lines' }).click();
  const lines = fs.readFileSync(await (await download).path(), 'utf8').trim().split('\n').map((line) => JSON.parse(line));
  assert.ok(lines.some((line) => line.event === 'telemetry' && line.device === device));
});

test('a stream of a thousand messages a second leaves the page responsive', async (t) => {
  const device = await newDevice('flood');
  const client = await connected(t, device);
  const page = await openPage(t, { hash: '#/watch' });
  await page.locator('header .state.on').waitFor();
  await page.getByLabel('Words').fill(device);
  let sent = 0;
  const end = Date.now() + 3000;
  const flood = (async () => {
    while (Date.now() < end) {
      await Promise.all(Array.from({ length: 50 }, () => client.sendEvent(new Message(`{"n":${++sent}}`))));
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  })();
  // How late a timer of 50 ms is, at worst: what a person would feel.
  const latest = await page.evaluate(() => new Promise((resolve) => {
    let worst = 0;
    let last = performance.now();
    const timer = setInterval(() => {
      const now = performance.now();
      worst = Math.max(worst, now - last - 50);
      last = now;
    }, 50);
    setTimeout(() => { clearInterval(timer); resolve(worst); }, 2500);
  }));
  await flood;
  t.diagnostic(`${sent} messages in 3 s; the page was ${Math.round(latest)} ms late at worst`);
  assert.ok(sent > 1000, `only ${sent} messages were sent`);
  assert.ok(latest < 500 * slowness, `the page stood still for ${latest} ms`);
});

test('ten thousand devices are listed, searched and scrolled', async (t) => {
  const prefix = newId('many');
  const chunk = (from) => Array.from({ length: 100 }, (_, index) => ({ id: `${prefix}-${from + index}`, importMode: 'create' }));
  for (let from = 0; from < 10_000; from += 100) await service('POST', '/devices', chunk(from));
  const page = await openPage(t, { hash: '#/devices' });
  const list = page.getByRole('list', { name: 'Devices' });
  await page.getByText(/^\d+\+ devices$/).waitFor();
  // The end is in sight before the search is answered, with as many rows as there were.
  let answered = false;
  await page.route('**/devices/query**', async (route) => {
    await new Promise((resolve) => setTimeout(resolve, 500));
    await route.continue();
    answered = true;
  }, { times: 1 });
  await page.getByRole('searchbox').fill(`WHERE STARTSWITH(deviceId, '${prefix}')`);
  await page.getByRole('button', { name: 'Search' }).click();
  await list.evaluate((element) => element.scrollTo(0, element.scrollHeight));
  await eventually(() => answered, 'the search is answered');
  assert.ok((await list.getByRole('listitem').count()) < 100, 'only rows in sight are drawn');
  await eventually(async () => {
    await list.evaluate((element) => element.scrollTo(0, element.scrollHeight));
    return /^10000 devices$/m.test(await page.getByRole('status').allInnerTexts().then((texts) => texts.join('\n')));
  }, 'all are fetched while scrolling', 60);
  await page.getByRole('searchbox').fill(`${prefix}-9999`);
  await page.getByRole('button', { name: 'Search' }).click();
  await page.getByRole('link', { name: `${prefix}-9999`, exact: true }).waitFor();
});

test('the protocol of a connection: its packets beside what the hub did, filtered and paused', async (t) => {
  const device = await newDevice('protocol');
  const client = await connected(t, device);
  const page = await openPage(t, { hash: '#/connections' });
  await page.getByRole('link', { name: `Protocol of ${device}` }).click();
  await page.getByRole('heading', { name: /^Connection c\d+$/ }).waitFor();
  await page.locator('.protocol .state.on').waitFor();
  await client.sendEvent(new Message('{"level":41}'));
  const row = (text) => page.locator('.line', { hasText: text });
  await row('PUBACK').waitFor();
  const lines = await page.locator('.protocol .line').allInnerTexts();
  const at = (text) => lines.findIndex((line) => line.includes(text));
  assert.ok(at('PUBLISH') >= 0 && at('PUBLISH') < at('telemetry') && at('telemetry') < at('PUBACK'), lines.join('\n'));
  assert.match(await row('PUBLISH').innerText(), /messages\/events.*\{"level":41\}/s);
  await row('PUBLISH').click();
  await page.getByLabel('The chosen row').getByText('"qos": 1').waitFor();

  await page.getByLabel('Kind').selectOption('PUBACK');
  await row('PUBLISH').waitFor({ state: 'detached' });
  await page.getByLabel('Kind').selectOption('');
  await page.getByRole('button', { name: 'Pause' }).click();
  const before = await page.locator('.protocol .line').count();
  await client.sendEvent(new Message('{"level":42}'));
  await page.waitForTimeout(300 * slowness);
  assert.equal(await page.locator('.protocol .line').count(), before);
  await page.getByRole('button', { name: 'Go on' }).click();
  await client.close();
  await row('DISCONNECT').first().waitFor();
  await page.locator('.protocol .state', { hasText: 'ended' }).waitFor();
});

test('a device is seen from its CONNECT on, over a WebSocket and by AMQP too, and no token is on the page', async (t) => {
  const device = await newDevice('from-connect');
  const page = await openPage(t, { hash: `#/devices/${device}` });
  await page.getByRole('link', { name: 'Protocol' }).click();
  await page.locator('.protocol .state.on').waitFor();
  const row = (text) => page.locator('.line', { hasText: text });

  const overWebSocket = await connected(t, device, undefined, MqttWs);
  await row('CONNACK').waitFor();
  await row('CONNECT').first().click();
  await page.getByLabel('The chosen row').getByText(/"password": "\(\d+ bytes, cut\)"/).waitFor();
  await overWebSocket.close();
  await row('end of').waitFor();
  await page.getByRole('button', { name: 'Clear' }).click();

  const byAmqp = await connected(t, device, undefined, Amqp);
  await byAmqp.sendEvent(new Message('{"level":7}'));
  await row('{"level":7}').first().waitFor();
  await picture(page, 'protocol');
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Save as JSON lines' }).click();
  const saved = fs.readFileSync(await (await download).path(), 'utf8');
  const names = saved.trim().split('\n').map((line) => JSON.parse(line)).filter((line) => line.kind === 'packet')
    .map((line) => line.packet.packet);
  for (const name of ['open', 'attach', 'transfer', 'disposition']) assert.ok(names.includes(name), `${name} of ${names}`);
  assert.doesNotMatch(saved.replaceAll('sig=(cut)', ''), /sig=/);
});

test('the keyboard alone reaches the protocol of a connection', async (t) => {
  const device = await newDevice('keys');
  await connected(t, device);
  const page = await openPage(t, { hash: '#/connections' });
  await page.getByRole('link', { name: `Protocol of ${device}` }).waitFor();
  await page.locator('main').focus();
  for (let presses = 0; presses < 30; ++presses) {
    await page.keyboard.press('Tab');
    if ((await page.evaluate(() => document.activeElement.getAttribute('aria-label'))) === `Protocol of ${device}`) break;
  }
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: /^Connection c\d+$/ }).waitFor();
});

test('simulated devices are started with a template, seen at work, and stopped', async (t) => {
  const prefix = newId('sim');
  const page = await openPage(t, { hash: '#/simulate' });
  const form = page.getByRole('region', { name: 'Start devices' });
  await form.getByLabel('Prefix').fill(prefix);
  await form.getByLabel('Devices').fill('3');
  await form.getByLabel('Messages a second').fill('20');
  await form.getByLabel('Template').fill('telemetrie: {body: {}}');
  await form.getByRole('button', { name: 'Start' }).click();
  await page.locator('.notice .refused', { hasText: 'telemetry' }).waitFor();

  await form.getByLabel('Template').fill('telemetry: {body: {n: {$counter: {}}}}\nmethods: {reboot: {status: 201}}');
  await form.getByRole('button', { name: 'Start' }).click();
  const row = page.getByRole('row', { name: new RegExp(prefix) });
  await row.locator('.state.on', { hasText: 'running' }).waitFor();
  await eventually(async () => (await row.getByRole('cell').nth(1).innerText()) === '3', 'three are connected');
  await eventually(async () => Number(await row.getByRole('cell').nth(3).innerText()) > 3, 'they send');
  const answer = await service('POST', `/twins/${prefix}-2/methods`, { methodName: 'reboot', payload: null });
  assert.equal(answer.status, 201);
  await picture(page, 'simulate');
  await row.getByRole('button', { name: /Stop/ }).click();
  await row.waitFor({ state: 'detached' });
  assert.equal((await service('GET', `/devices/${prefix}-3`)).connectionState, 'Disconnected');
});

test('routes are tried with a sample that shows which clause is false, and put in force', async (t) => {
  const before = await control('GET', 'routing');
  t.after(() => control('PUT', 'routing', { routing: before.routing }));
  const page = await openPage(t, { hash: '#/routes' });
  const routes = (condition) => JSON.stringify({
    routes: [{ name: 'alarms', source: 'DeviceMessages', condition, endpointNames: ['events'] }],
    fallbackRoute: { source: 'DeviceMessages', condition: 'true', endpointNames: ['events'], isEnabled: false },
  });
  await page.getByLabel('Routes, as a routes file has them').fill(routes("level = 'critical' AND $body.temperature > 70"));
  await page.getByRole('button', { name: 'Try' }).click();
  const explanation = page.getByRole('region', { name: 'Explanation' });
  await explanation.getByRole('heading', { name: 'The message is dropped' }).waitFor();
  const clause = (text) => explanation.locator('.clauses li', { has: page.locator(`> code:text-is("${text}")`) });
  assert.match(await clause("level = 'critical'").locator('> .verdict').innerText(), /true/);
  assert.match(await clause('$body.temperature > 70').locator('> .verdict').innerText(), /false/);
  await picture(page, 'routes');

  await page.getByLabel('Sample message').fill('{"body":{"temperature":71},"appProperties":{"level":"critical"}}');
  await page.getByRole('button', { name: 'Try' }).click();
  await explanation.getByRole('heading', { name: 'The message goes to events' }).waitFor();
  await page.getByLabel('Routes, as a routes file has them').fill(routes('level ='));
  await page.getByRole('button', { name: 'Try' }).click();
  await page.getByRole('alert').filter({ hasText: 'routes[0].condition' }).waitFor();

  await page.getByLabel('Routes, as a routes file has them').fill(routes("level = 'critical'"));
  await page.getByRole('button', { name: 'Route by them' }).click();
  await page.getByText('The hub routes by them').waitFor();
  assert.equal((await control('GET', 'routing')).routing.routes[0].name, 'alarms');
});

test('the dry run of a configuration shows its devices, and by what it is overruled', async (t) => {
  const [first, second] = [await newDevice('target'), await newDevice('target')];
  const floor = newId('floor');
  for (const device of [first, second]) await service('PATCH', `/twins/${device}`, { tags: { floor } });
  const strong = newId('strong');
  const content = (level) => ({ deviceContent: { 'properties.desired.heating': { level } } });
  await service('PUT', `/configurations/${strong}`, {
    id: strong, content: content(9), targetCondition: `deviceId = '${first}'`, priority: 20,
  });
  t.after(() => service('DELETE', `/configurations/${strong}`, undefined, { 'If-Match': '*' }));
  const page = await openPage(t, { hash: '#/configurations' });
  const draft = { id: newId('draft'), content: content(2), targetCondition: `tags.floor = '${floor}'`, priority: 10 };
  await page.getByLabel('Configuration').fill(JSON.stringify(draft));
  await page.getByRole('button', { name: 'Dry run' }).click();
  const tried = page.getByRole('region', { name: 'Dry run' });
  await tried.getByRole('heading', { name: 'It would hold for 2 devices' }).waitFor();
  const row = (device) => tried.getByRole('row', { name: new RegExp(device) });
  assert.match(await row(first).innerText(), new RegExp(`${strong} \\(20\\)[^]*${draft.id} \\(10\\)[^]*not written[^]*heating.level is ${strong}`));
  assert.match(await row(second).innerText(), /\(10\)\s+written/);
  await picture(page, 'configuration');
  await page.getByLabel('Configuration').fill(JSON.stringify({ ...draft, targetCondition: 'tags.floor =' }));
  await page.getByRole('button', { name: 'Dry run' }).click();
  await tried.getByRole('alert').filter({ hasText: '400401' }).waitFor();
  await assert.rejects(service('GET', `/configurations/${draft.id}`), /404/);
});

test('a page that a hundred thousand events went through holds its memory', { timeout: 300_000 * slowness }, async (t) => {
  const events = 100_000;
  const most = 6 * 1024 * 1024;
  const prefix = newId('long');
  const watch = await openPage(t, { hash: '#/watch' });
  const protocol = await openPage(t, { hash: `#/connections/of/${prefix}-1` });
  for (const page of [watch, protocol]) await page.locator('main .state.on, header .state.on').first().waitFor();
  const { id } = await control('POST', 'simulations', { prefix, devices: 10, rate: 10_000 });
  t.after(() => control('DELETE', `simulations/${id}`));
  const sent = async () => (await control('GET', 'simulations')).simulations.find((each) => each.id === id).acknowledged;
  const full = async (page) => / of 5000 /.test(await page.locator('main p[role=status]').innerText());
  const seconds = 240;
  for (const page of [watch, protocol]) await eventually(() => full(page), 'the list holds all it ever will', seconds);
  const [begun, heaps] = [await sent(), [await liveHeap(watch), await liveHeap(protocol)]];
  await eventually(async () => (await sent()) - begun >= events, `${events} messages have been sent`, seconds);
  const newest = async (page) => {
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.locator('.line').last().click();
    return JSON.parse(await page.getByLabel('The chosen row').innerText());
  };
  const grown = [(await liveHeap(watch)) - heaps[0], (await liveHeap(protocol)) - heaps[1]];
  assert.ok((await newest(watch)).id >= events, 'the page has read them all');
  t.diagnostic(`heaps of ${heaps} bytes have grown by ${grown}`);
  assert.ok(Math.max(...grown) < most, `the heaps have grown by ${grown} bytes`);
});

test('a query runs, is explained, and its fault is told', async (t) => {
  const device = await newDevice('query');
  const page = await openPage(t, { hash: '#/query' });
  await page.getByLabel('Query').fill(`SELECT deviceId FROM devices WHERE deviceId = '${device}'`);
  await page.getByRole('button', { name: 'Run' }).click();
  await page.locator('pre', { hasText: device }).waitFor();
  await page.getByRole('button', { name: 'Explain' }).click();
  await page.getByText(/rows were looked at/).waitFor();
  await page.getByLabel('Query').fill('SELECT FROM');
  await page.getByRole('button', { name: 'Run' }).click();
  await page.getByRole('alert').waitFor();
});

test('a fault, the clock and a snapshot are set by hand', async (t) => {
  const page = await openPage(t, { hash: '#/instrument' });
  const clock = page.getByRole('region', { name: 'Clock' });
  await clock.getByRole('button', { name: 'Freeze' }).click();
  await clock.getByText('frozen', { exact: true }).waitFor();
  await clock.getByRole('button', { name: 'Advance' }).click();
  await page.getByText('Advanced by 1h').waitFor();
  await clock.getByRole('button', { name: 'Back to the real time' }).click();
  await clock.getByText('running', { exact: true }).waitFor();

  const faults = page.getByRole('region', { name: 'Faults' });
  await faults.getByLabel('Operation').selectOption('telemetry');
  await faults.getByLabel('Action').selectOption('cut');
  await faults.getByLabel('Device').fill('nobody');
  await faults.getByRole('button', { name: 'Add' }).click();
  await faults.getByText('struck 0 times').waitFor();
  await faults.getByRole('button', { name: 'Remove' }).click();
  await faults.getByText('None.').waitFor();

  const device = await newDevice('snapshot');
  const snapshots = page.getByRole('region', { name: 'Snapshots' });
  await snapshots.getByLabel('Name').fill('before');
  await snapshots.getByRole('button', { name: 'Save' }).click();
  await snapshots.getByText('before', { exact: true }).waitFor();
  await service('DELETE', `/devices/${device}`, undefined, { 'If-Match': '*' });
  await snapshots.getByRole('button', { name: 'Restore' }).click();
  await page.getByText('Restored').waitFor();
  await service('GET', `/devices/${device}`);
  await picture(page, 'instrument');
});

/** `scenario run --watch` of a file in the test's folder, beside the hub that serves the page. */
function watched(t, file) {
  const how = { cwd: process.env.IOTHUB_TEST_FOLDER, stdio: 'ignore' };
  const runner = spawn(process.env.IOTHUB_TEST_BINARY, ['scenario', 'run', file, '--watch'], how);
  const ended = once(runner, 'exit');
  t.after(() => {
    runner.kill();
    return ended;
  });
}

test('a scenario shows its steps as it runs, its failure with the nearest miss, and the run after a change', async (t) => {
  const name = newId('alarm');
  const file = `${name}.yaml`;
  const expecting = (temperature) => fs.writeFileSync(path.join(process.env.IOTHUB_TEST_FOLDER, file), `
name: ${name}
devices: [{id: sensor}]
steps:
  - send: {device: sensor, body: {temperature: 20}}
  - name: hot
    expect: {messages: {device: sensor, body: {temperature: ${temperature}}}, within: ${3 * slowness}s}
  - name: after
    send: {device: sensor}
`);
  const page = await openPage(t, { hash: '#/instrument' });
  await page.locator('header .state.on').waitFor();
  const runs = page.getByRole('list', { name: 'Runs' });
  const run = runs.locator('> li', { hasText: name });
  const step = (text, state) => run.first().locator('.steps li', { hasText: text }).getByText(state, { exact: true });

  expecting(21);
  watched(t, file);
  await step('hot', 'running').waitFor();
  await step('set up', 'passed').waitFor();
  await step('after', 'waiting').waitFor();
  await run.getByText('2 of 4 steps').waitFor();
  await step('hot', 'failed').waitFor();
  await step('after', 'skipped').waitFor();
  const failure = await run.getByLabel('Failure').innerText();
  for (const part of ['hot', 'expected at least 1 messages', '1 messages came', 'nearest miss', '/body/temperature: expected 21, got 20']) {
    assert.ok(failure.includes(part), `the failure does not say ${part}: ${failure}`);
  }
  await run.locator('summary').getByText('failed', { exact: true }).waitFor();
  await run.getByText(/4 steps, \d+\.\d s/).waitFor();
  await page.evaluate(() => document.querySelector('[aria-label=Scenarios]').scrollIntoView());
  await picture(page, 'scenario');

  expecting(20);
  await run.nth(1).waitFor();
  await run.first().locator('summary').getByText('passed', { exact: true }).waitFor();
  await step('after', 'passed').waitFor();
  assert.equal((await control('GET', 'scenario-runs')).runs[0].state, 'passed');
});

test('the overview shows figures, and a refusal with its hint', async (t) => {
  const page = await openPage(t);
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
  await page.getByText('iothub-emulator exec -- python app.py').waitFor();
  await page.getByRole('region', { name: 'Ports' }).getByRole('row', { name: '8883 MQTT over TLS' }).waitFor();
  for (const chart of ['Messages', 'Connections', 'Direct methods']) await page.getByRole('img', { name: new RegExp(chart) }).waitFor();
  const refused = await fetch(`${origin}/_emulator/service/devices/nobody-here?api-version=2021-04-12`);
  assert.equal(refused.status, 404);
  await page.getByRole('region', { name: 'Refusals' }).getByText('nobody-here').first().waitFor();
  const { id } = await control('POST', 'simulations', { prefix: newId('busy'), devices: 5, rate: 20 });
  t.after(() => control('DELETE', `simulations/${id}`));
  const figure = async (name) => Number(await page.locator('.cards > div', { hasText: name }).locator('strong').innerText());
  await eventually(async () => (await figure('Connections')) >= 5, 'the connections are counted');
  await eventually(async () => (await figure('Messages')) >= 10, 'the messages are counted');
  if (process.env.IOTHUB_TEST_SCREENSHOTS) await page.waitForTimeout(20_000);
  await picture(page, 'overview');
});

/** What gives the screens that have little to show without it something to show. */
async function fill(device) {
  const send = (message) => control('POST', `devices/${device}/c2d`, { ack: 'full', ...message });
  await send({ bodyBase64: 'AP8=', messageId: newId('purged') });
  await service('DELETE', `/devices/${device}/commands`);
  await send({ body: 'x'.repeat(3000), properties: { colour: 'blue', 'a-property-with-a-long-name': 'x'.repeat(200) } });
  await send({ bodyBase64: 'AP8=', messageId: newId('bytes') });
  const failure = `expected ${'x'.repeat(300)}\nnearest miss:\n  /body/temperature: expected 21, got 20`;
  const steps = ['passed', 'failed', 'skipped', 'running', 'waiting'].map((state) =>
    ({ name: state, state, does: `expect ${'{}'.repeat(200)}`, seconds: 1, ...(state === 'failed' ? { failure } : {}) }));
  await control('PUT', `scenario-runs/${device}`, { name: device, file: `${'folder/'.repeat(20)}a.yaml`, state: 'running', steps });
}

/** Waits for what fill() gave the screen, sends a message from it, and opens what is folded. */
async function showAll(page, hash, device) {
  if (hash === `#/devices/${device}`) {
    await page.getByRole('region', { name: 'Queue' }).getByText('3000 bytes').waitFor();
    await page.getByRole('region', { name: 'Feedback' }).getByRole('row', { name: device }).waitFor();
    await page.getByRole('region', { name: 'Cloud-to-device' }).getByRole('button', { name: 'Send' }).click();
    await page.getByRole('list', { name: 'Sent messages' }).getByText('enqueued').first().waitFor();
  }
  if (hash === '#/instrument') await page.getByLabel('Failure').first().waitFor();
  await page.evaluate(() => document.querySelectorAll('details').forEach((each) => { each.open = true; }));
}

test('both themes and a narrow screen show every screen without a sideways scroll', async (t) => {
  const device = await newDevice('narrow');
  await fill(device);
  for (const colorScheme of ['light', 'dark']) {
    const page = await openPage(t, { viewport: { width: 400, height: 800 }, colorScheme });
    for (const hash of ['#/overview', '#/devices', `#/devices/${device}`, '#/connections', `#/connections/of/${device}`, '#/query',
      '#/configurations', '#/routes', '#/simulate', '#/watch', '#/instrument']) {
      await page.goto(`${origin}/${hash}`);
      await page.getByRole('heading', { level: 1 }).waitFor();
      await showAll(page, hash, device);
      const part = { [`#/devices/${device}`]: 'Cloud-to-device', '#/instrument': 'Scenarios' }[hash];
      if (part !== undefined) {
        await page.getByRole('region', { name: part, exact: true }).evaluate((element) => element.scrollIntoView());
        await picture(page, `narrow-${part.toLowerCase()}-${colorScheme}`);
      }
      const wider = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(wider <= 0, `${hash} is ${wider} px too wide`);
    }
    await page.evaluate(() => scrollTo(0, 0));
    await picture(page, `narrow-${colorScheme}`);
  }
});

test('the keyboard alone reaches a device', async (t) => {
  const device = await newDevice('keyboard');
  const page = await openPage(t, { hash: '#/devices' });
  await page.getByRole('searchbox').focus();
  await page.keyboard.type(device);
  await page.keyboard.press('Enter');
  await page.getByText(/^1 devices$/).waitFor();
  for (let presses = 0; presses < 10; ++presses) {
    await page.keyboard.press('Tab');
    if ((await page.evaluate(() => document.activeElement.textContent)) === device) break;
  }
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: device }).waitFor();
});

test('no screen has a serious fault of accessibility', async (t) => {
  const device = await newDevice('axe');
  await fill(device);
  const client = await connected(t, device);
  const axe = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
  for (const colorScheme of ['light', 'dark']) {
    const page = await openPage(t, { colorScheme, bypassCSP: true });
    await page.addScriptTag({ content: axe });
    for (const hash of ['#/overview', '#/devices', `#/devices/${device}`, '#/connections', `#/connections/of/${device}`, '#/query',
      '#/configurations', '#/routes', '#/simulate', '#/watch', '#/instrument']) {
      await page.evaluate((place) => { location.hash = place; }, hash);
      await page.getByRole('heading', { level: 1 }).waitFor();
      await client.sendEvent(new Message('{"level":1}'));  // live lists have rows then
      await showAll(page, hash, device);
      await page.waitForTimeout(200);
      const { violations } = await page.evaluate(() => axe.run());
      const serious = violations.filter((each) => each.impact === 'serious' || each.impact === 'critical')
        .map((each) => `${each.id}: ${each.nodes.map((node) => node.html).slice(0, 3).join(' ')}`);
      assert.deepEqual(serious, [], `${hash}, ${colorScheme}`);
    }
  }
});

test('the page is served with a policy that lets it speak to its emulator only', async () => {
  const answer = await fetch(`${origin}/`);
  assert.equal(answer.status, 200);
  const policy = answer.headers.get('content-security-policy');
  assert.match(policy, /default-src 'none'/);
  assert.match(policy, /connect-src 'self'/);
  assert.equal((await fetch(`${origin}/no-such-page`)).status, 404);
});
