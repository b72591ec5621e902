// The emulator's coming and going.
'use strict';

const assert = require('node:assert/strict');
const { spawn, execFile } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { setTimeout: pause } = require('node:timers/promises');
const { promisify } = require('node:util');
const { Emulator, ControlError } = require('..');

const HELPER = JSON.stringify(path.dirname(__dirname));

function isRunning(pid) {
  try {
    return !/\) Z /.test(fs.readFileSync(`/proc/${pid}/stat`, 'utf8')); // an orphan that nobody waited for runs no more
  } catch {
    return false;
  }
}

/** Processes whose command line holds the text. */
function processesOf(text) {
  const pids = fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => {
    try {
      return fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(text) && isRunning(pid);
    } catch {
      return false;
    }
  });
}

async function eventually(condition) {
  for (let tries = 0; !condition(); ++tries) {
    assert.ok(tries < 500, `not within 10 s: ${condition}`);
    await pause(20);
  }
}

test('a process ends with a hub that nobody has stopped, and so does the emulator', async () => {
  const program = `require(${HELPER}).startHub().then((hub) => hub.environment())
    .then((environment) => console.log(environment.SSL_CERT_FILE))`;
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', program]);
  const folder = path.dirname(path.dirname(stdout.trim()));
  await eventually(() => processesOf(folder).length === 0);
});

test('an emulator ends with a process that is killed', async () => {
  const program = `require(${HELPER}).startHub().then((hub) => hub.environment())
    .then((environment) => { console.log(environment.SSL_CERT_FILE); setTimeout(() => {}, 60_000); })`;
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await child.stdout.take(1).toArray();
  const folder = path.dirname(path.dirname(line.toString().trim()));
  assert.equal(processesOf(folder).length, 1);
  child.kill('SIGKILL');
  await eventually(() => processesOf(folder).length === 0);
});

test('an emulator that runs is used and left', async () => {
  const own = await Emulator.start();
  const program = `
    const { startHub } = require(${HELPER});
    const { Registry } = require(${JSON.stringify(require.resolve('azure-iothub'))});
    startHub().then(async (hub) => {
      await Registry.fromConnectionString(hub.connectionString()).create({ deviceId: 'd1' });
      console.log(hub.name);
      await hub.stop();
    });`;
  const env = { ...process.env, IOTHUB_CONTROL_URL: own.control.url };
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', program], { env });
  assert.match(stdout, /^127\.0\.0\.\d+\n$/);
  const { hubs } = await own.control.get('hubs');
  assert.deepEqual(hubs.map((each) => each.name), [own.defaultHub.name]);
  await own.stop();
});

test('flags are handed to the emulator', async () => {
  const emulator = await Emulator.start({ flags: ['--partitions', '2'] });
  assert.equal((await emulator.defaultHub.now()).split('.').length, 2);
  await emulator.stop();
});

test('what is wrong with the binary is said', async () => {
  await assert.rejects(Emulator.start({ binary: 'no-such-program' }), /no program 'no-such-program'.*IOTHUB_BINARY/);
  await assert.rejects(Emulator.start({ flags: ['--no-such-flag'] }), /status 2.*--no-such-flag/s);
  await assert.rejects(Emulator.running('http://127.77.0.2:8890'), /no emulator answers at/);
});

test('where a process has no second hub another process is started', async () => {
  const emulator = await Emulator.start();
  emulator.control.post = async (what) => {
    throw new ControlError(`POST ${what}`, 500, '{"error": {"message": "cannot listen on 127.0.0.2:443"}}');
  };
  const hub = await emulator.newHub();
  assert.notEqual(hub.name, emulator.defaultHub.name);
  assert.equal((await hub.messages({ count: 0 })).length, 0);
  await hub.stop();
  await emulator.stop();
});
