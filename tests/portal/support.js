// The browser, the hub that `iothub-emulator exec` runs around the tests, and devices of the real SDK.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { randomUUID } = require('node:crypto');
const { setTimeout: pause } = require('node:timers/promises');
const { chromium } = require('playwright-core');
const { Client, ModuleClient } = require('azure-iot-device');
const { Mqtt } = require('azure-iot-device-mqtt');

const origin = 'http://127.0.0.1:8890';
const apiVersion = 'api-version=2021-04-12';
const slowness = process.env.IOTHUB_TEST_SLOW ? 10 : 1;

/** The service API, by the control API. */
async function service(method, target, body, headers = {}) {
  const request = { method, headers: { 'Content-Type': 'application/json', ...headers } };
  if (body !== undefined) request.body = JSON.stringify(body);
  const answer = await fetch(`${origin}/_emulator/service${target}?${apiVersion}`, request);
  const text = await answer.text();
  assert.ok(answer.ok, `${method} ${target}: ${answer.status} ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}

function newId(what) {
  return `${what}-${randomUUID().slice(0, 8)}`;
}

async function newDevice(what = 'device') {
  const deviceId = newId(what);
  await service('PUT', `/devices/${deviceId}`, { deviceId });
  return deviceId;
}

async function connectionString(device, module) {
  const parameters = new URLSearchParams(module === undefined ? { device } : { device, module });
  const answer = await fetch(`${origin}/_emulator/connection-strings?${parameters}`);
  assert.ok(answer.ok, await answer.clone().text());
  return (await answer.json()).connectionString;
}

/** A device or module of the real SDK, connected. */
async function connected(test, device, module, transport = Mqtt) {
  const cls = module === undefined ? Client : ModuleClient;
  const client = cls.fromConnectionString(await connectionString(device, module), transport);
  test.after(() => client.close().catch(() => {}));
  await client.open();
  return client;
}

let browser;

/** A page of its own; what it asks of any other place, and what it says on its console as an error, fails the test. */
async function openPage(test, { hash = '', viewport = { width: 1280, height: 800 }, ...options } = {}) {
  browser ??= await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
  const context = await browser.newContext({ viewport, permissions: ['clipboard-read', 'clipboard-write'], ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(10_000 * slowness);
  const wrong = [];
  page.on('request', (request) => {
    if (!request.url().startsWith(origin) && !request.url().startsWith('data:')) wrong.push(`asked ${request.url()}`);
  });
  page.on('pageerror', (error) => wrong.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error' && !/status of 4\d\d/.test(message.text())) wrong.push(message.text());
  });
  test.after(async () => {
    await context.close();
    assert.deepEqual(wrong, []);
  });
  await page.goto(`${origin}/${hash}`);
  return page;
}

/** JSON of the control API. */
async function control(method, target, body) {
  const request = { method, headers: { 'Content-Type': 'application/json' } };
  if (body !== undefined) request.body = JSON.stringify(body);
  const answer = await fetch(`${origin}/_emulator/${target}`, request);
  const text = await answer.text();
  assert.ok(answer.ok, `${method} ${target}: ${answer.status} ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}

/** Bytes of the page's JavaScript objects that are still of use. */
async function liveHeap(page) {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('HeapProfiler.enable');
  await devtools.send('HeapProfiler.collectGarbage');
  const { usedSize } = await devtools.send('Runtime.getHeapUsage');
  await devtools.detach();
  return usedSize;
}

async function closeBrowser() {
  await browser?.close();
  browser = undefined;
}

async function eventually(condition, what, seconds = 10) {
  const end = Date.now() + seconds * slowness * 1000;
  for (;;) {
    const value = await condition();
    if (value) return value;
    assert.ok(Date.now() < end, `in ${seconds * slowness} s it was not so that ${what}`);
    await pause(50);
  }
}

/** A picture for the documentation, where one is asked for. */
async function picture(page, name) {
  const folder = process.env.IOTHUB_TEST_SCREENSHOTS;
  if (!folder) return;
  fs.mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: path.join(folder, `${name}.png`) });
}

module.exports = {
  closeBrowser, connected, connectionString, control, eventually, liveHeap, newDevice, newId, openPage, origin, picture, service, slowness,
};
