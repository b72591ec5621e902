// Finds or starts the emulator's binary. A process that was started ends with this one, however this one ends.
'use strict';

const { spawn, execFile } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { promisify } = require('node:util');
const { Control, ControlError } = require('./control');
const { Hub } = require('./hub');
const { trustInThisProcess } = require('./trust');

const START_WITHIN_MS = 60_000;
const STAYS_IDLE_MS = 3_000; // an emulator without a hub, for the next test
const PORT_NOT_AVAILABLE = 3; // the binary's exit status
const TRIES = 3;

// Settings of the binary that are this module's own to choose.
const OWN_SETTINGS = ['CONFIG', 'DATA', 'IN_MEMORY', 'CA_DIR', 'LISTEN', 'READY_FILE', 'LOG_FORMAT'];

class Emulator {
  #binary;
  #options;
  #child;
  #folder;
  #caFolder;
  #trust;
  #others = [];

  constructor(fields) {
    ({ binary: this.#binary, options: this.#options, child: this.#child, folder: this.#folder } = fields);
    this.#caFolder = fields.caFolder;
    this.control = fields.control;
  }

  static async start(options = {}) {
    const { binary = process.env.IOTHUB_BINARY || 'iothub-emulator', flags = [], listen } = options;
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'iothub-emulator-'));
    const caFolder = options.caFolder ?? path.join(folder, 'ca');
    process.once('exit', () => fs.rmSync(folder, { recursive: true, force: true }));
    for (let tries = 1; ; ++tries) {
      const address = listen ?? freshAddress();
      const { child, status, error } = await run(binary, [...flags, '--ca-dir', caFolder, '--listen', address], folder);
      if (child) {
        const { ports } = JSON.parse(fs.readFileSync(path.join(folder, 'iothub-emulator', 'running.json'), 'utf8'));
        const host = address === '*' ? 'localhost' : address.includes(':') ? `[${address}]` : address;
        const control = new Control(`http://${host}:${ports.portal}`, process.env.IOTHUB_EMULATOR_CONTROL_TOKEN);
        const emulator = new Emulator({ binary, options, child, folder, caFolder, control });
        return emulator.#met();
      }
      if (status === PORT_NOT_AVAILABLE && !listen && tries < TRIES) continue;
      const log = fs.readFileSync(path.join(folder, 'hub.log'), 'utf8').slice(-4000);
      fs.rmSync(folder, { recursive: true, force: true });
      if (error?.code === 'ENOENT') {
        throw new Error(`there is no program '${binary}': name the binary in IOTHUB_BINARY, or a hub that runs in IOTHUB_CONTROL_URL`);
      }
      throw error ?? new Error(`${binary} ended with status ${status}:\n${log}`);
    }
  }

  static async running(url, options = {}) {
    const control = new Control(url, options.token ?? process.env.IOTHUB_EMULATOR_CONTROL_TOKEN);
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'iothub-emulator-'));
    process.once('exit', () => fs.rmSync(folder, { recursive: true, force: true }));
    try {
      return await new Emulator({ options, folder, control }).#met();
    } catch (error) {
      throw new Error(`no emulator answers at ${url}: ${error.message}`, { cause: error });
    }
  }

  async #met() {
    this.caPem = await this.control.get('ca.pem');
    this.defaultHub = new Hub(this, this.control, await this.control.get('connection-strings'));
    trustInThisProcess(this.caPem);
    return this;
  }

  get isOwn() {
    return this.#child !== undefined;
  }

  /** `removed` is called when the hub has gone. */
  async newHub({ name, snapshot, removed = () => {} } = {}) {
    let strings;
    try {
      strings = await this.control.post('hubs', { name, snapshot });
    } catch (refusal) {
      const noSecondAddress = refusal instanceof ControlError && [404, 500, 501].includes(refusal.status);
      if (!noSecondAddress || name || snapshot) throw refusal;
      return this.#hubOfAnotherProcess(removed);
    }
    const remove = () => this.control.delete(`hubs/${encodeURIComponent(strings.hub)}`).finally(removed);
    return new Hub(this, this.control.of(strings.hub), strings, remove);
  }

  async #hubOfAnotherProcess(removed) {
    const other = await Emulator.start({ ...this.#options, listen: undefined, binary: this.#binary, caFolder: this.#caFolder });
    this.#others.push(other);
    const strings = await other.control.get('connection-strings');
    return new Hub(other, other.control, strings, () => other.stop().finally(removed));
  }

  /** The environment's variables by which programs trust its hubs; as `iothub-emulator env` gives them, of an own process. */
  async trust() {
    this.#trust ??= this.isOwn ? await this.#ownTrust() : this.#nodesTrust();
    return this.#trust;
  }

  async #ownTrust() {
    const options = { env: environmentOf(this.#folder) };
    const printed = await promisify(execFile)(this.#binary, ['env', '--format', 'json', '--ca-dir', this.#caFolder], options);
    const { IOTHUB_CONNECTION_STRING, EVENTHUB_CONNECTION_STRING, IOTHUB_POLICIES, ...trust } = JSON.parse(printed.stdout);
    return trust;
  }

  #nodesTrust() {
    const before = process.env.NODE_EXTRA_CA_CERTS;
    const file = path.join(this.#folder, 'node-extra.pem');
    fs.writeFileSync(file, `${before ? fs.readFileSync(before, 'utf8') : ''}\n${this.caPem}`);
    return { NODE_EXTRA_CA_CERTS: file };
  }

  log() {
    return this.isOwn ? fs.readFileSync(path.join(this.#folder, 'hub.log'), 'utf8') : '';
  }

  /** Ends the process, if it is an own one. */
  async stop() {
    for (const other of this.#others) await other.stop();
    if (this.#child?.exitCode === null && this.#child.signalCode === null) {
      const ended = new Promise((resolve) => this.#child.once('exit', resolve));
      this.#child.ref();
      this.#child.stdin.end(); // The command of `exec` reads its end, and `exec` ends with it.
      const kill = setTimeout(() => this.#child.kill('SIGKILL'), 10_000);
      await ended;
      clearTimeout(kill);
    }
    fs.rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Of the loopback, and nobody else's. Not 127.0.0.*: there the hubs of a process get their addresses from. */
function freshAddress() {
  const part = () => 1 + Math.floor(Math.random() * 254);
  return `127.${part()}.${part()}.${part()}`;
}

/** Settings of the binary by environment stay, but for those that would lead it out of the folder. */
function environmentOf(folder) {
  const environment = { ...process.env, XDG_DATA_HOME: folder };
  for (const name of OWN_SETTINGS) delete environment[`IOTHUB_EMULATOR_${name}`];
  return environment;
}

/**
 * `exec -- cat` runs a hub for as long as its standard input is open: until stop(), or until this process is no more. That
 * `cat` echoes says that the hub serves. Gives the child, or why there is none.
 */
function run(binary, flags, folder) {
  const log = fs.openSync(path.join(folder, 'hub.log'), 'a');
  return new Promise((resolve) => {
    const child = spawn(binary, ['exec', ...flags, '--', 'cat'], {
      env: environmentOf(folder),
      stdio: ['pipe', 'pipe', log],
      detached: true, // a Ctrl-C ends the tests, which then end the hub
    });
    fs.closeSync(log);
    const tooLate = setTimeout(() => child.kill('SIGKILL'), START_WITHIN_MS);
    const settle = (result) => {
      clearTimeout(tooLate);
      resolve(result);
    };
    child.on('error', (error) => settle({ error }));
    child.on('exit', (status, signal) => settle({ status: status ?? signal }));
    child.stdin.on('error', () => {}); // it ended: 'exit' says so
    child.stdout.once('data', () => {
      // The emulator does not keep this process from ending.
      for (const handle of [child, child.stdin, child.stdout]) handle.unref();
      settle({ child });
    });
    child.stdin.write('ready\n');
  });
}

// ---- one emulator for all hubs of this process

let shared; // a promise of it
let hubs = 0; // that it serves
let idle; // the timer that ends it

/** A hub of its own. The emulator that IOTHUB_CONTROL_URL names makes it, else one that this process starts once. */
async function startHub({ seeds = [], snapshot } = {}) {
  clearTimeout(idle);
  hubs += 1;
  let hub;
  try {
    const url = process.env.IOTHUB_CONTROL_URL;
    shared ??= url ? Emulator.running(url) : Emulator.start();
    hub = await (await shared).newHub({ snapshot, removed: letGo });
    await hub.seed(...seeds);
    return hub;
  } catch (error) {
    if (hub) {
      await hub.stop();
    } else {
      letGo();
    }
    throw error;
  }
}

function letGo() {
  hubs -= 1;
  if (hubs > 0) return;
  const ending = shared;
  const end = () => {
    shared = undefined;
    return ending.then((emulator) => emulator.stop()).catch(() => {});
  };
  idle = setTimeout(end, STAYS_IDLE_MS);
  idle.unref();
  ending.catch(end); // One that did not start is tried anew at once.
}

module.exports = { startHub, Emulator };
