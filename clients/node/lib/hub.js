// A hub as a test sees it: what came, what it is told to have, its time and its faults.
'use strict';

const fs = require('node:fs/promises');

const MOST_MESSAGES = 1000; // that one answer holds

/** Fewer than wanted came in time; `came` has those. */
class MessagesMissing extends Error {
  constructor(text, came) {
    super(text);
    this.name = 'MessagesMissing';
    this.came = came;
  }
}

class Hub {
  #strings;
  #emulator;
  #remove;

  constructor(emulator, control, strings, remove) {
    this.name = strings.hub;
    this.control = control;
    this.clock = new Clock(control);
    this.faults = new Faults(control);
    this.#emulator = emulator;
    this.#strings = strings;
    this.#remove = remove;
  }

  // ---- what clients need

  connectionString(policy = 'iothubowner') {
    const found = this.#strings.policies[policy];
    if (!found) throw new Error(`the hub has no policy '${policy}': ${Object.keys(this.#strings.policies).join(', ')}`);
    return found;
  }

  get eventHubConnectionString() {
    return this.#strings.eventHub;
  }

  async deviceConnectionString(device, module) {
    return (await this.control.get('connection-strings', { device, module })).connectionString;
  }

  async environment() {
    return {
      ...(await this.#emulator.trust()),
      IOTHUB_CONNECTION_STRING: this.connectionString(),
      EVENTHUB_CONNECTION_STRING: this.eventHubConnectionString,
      IOTHUB_POLICIES: JSON.stringify(this.#strings.policies),
    };
  }

  // ---- what it has

  async seed(...seeds) {
    for (const seed of seeds) {
      if (typeof seed === 'string') {
        await this.control.post('seed', await fs.readFile(seed, 'utf8'), { name: seed });
      } else {
        await this.control.post('seed', seed);
      }
    }
  }

  async addDevice(deviceId, members = {}) {
    await this.seed({ devices: [{ deviceId, ...members }] });
    return this.deviceConnectionString(deviceId);
  }

  reset({ device, links = 'drop' } = {}) {
    return this.control.post('reset', { device, links });
  }

  save(snapshot) {
    return this.control.request('PUT', `snapshots/${snapshot}`);
  }

  restore(snapshot) {
    return this.control.post(`snapshots/${snapshot}/restore`);
  }

  async stop() {
    const remove = this.#remove;
    this.#remove = undefined;
    if (remove) await remove();
  }

  // ---- what came

  async messages(wanted = {}) {
    const { count = 1, timeoutMs = 10_000, since, properties = {}, systemProperties = {}, bodyValues = {}, ...others } = wanted;
    const query = { since: since instanceof Date ? since.toISOString() : since, limit: MOST_MESSAGES, ...others };
    for (const [name, value] of Object.entries(properties)) query[`property.${name}`] = value;
    for (const [name, value] of Object.entries(systemProperties)) query[`system.${name}`] = value;
    for (const [pointer, value] of Object.entries(bodyValues)) {
      query[`body${pointer}`] = typeof value === 'string' ? value : JSON.stringify(value);
    }
    if (count > 0) Object.assign(query, { count, wait: `${timeoutMs}ms` });
    const answer = await this.control.get('messages', query, count > 0 ? timeoutMs : 0);
    const messages = Object.assign(answer.messages.map(messageOf), { next: answer.next });
    if (messages.length < count) throw new MessagesMissing(await this.#missing(wanted, count, timeoutMs, messages), messages);
    return messages;
  }

  async now() {
    return (await this.control.get('messages', { since: 'now', limit: 1 })).next;
  }

  async #missing(wanted, count, timeoutMs, came) {
    const text = ({ device, module, source, body, properties }) => JSON.stringify({ device, module, source, body, properties });
    const lines = [`${came.length} of ${count} messages came to ${this.name} within ${timeoutMs} ms: ${JSON.stringify(wanted)}`];
    for (const each of (await this.messages({ count: 0, source: 'any' })).slice(-5)) lines.push(`  the hub has: ${text(each)}`);
    for (const each of await this.refusals({ limit: 3 })) lines.push(`  refused: ${JSON.stringify(each)}`);
    return lines.join('\n');
  }

  // ---- why

  async connections() {
    return (await this.control.get('connections')).connections;
  }

  async refusals({ device, limit = 20 } = {}) {
    return (await this.control.get('explain', { device, limit })).refusals;
  }
}
if (Symbol.asyncDispose) {
  Hub.prototype[Symbol.asyncDispose] = function dispose() {
    return this.stop();
  };
}

function messageOf({ bodyBase64, enqueuedTime, properties = {}, systemProperties = {}, ...others }) {
  const data = Buffer.from(bodyBase64, 'base64');
  return { ...others, properties, systemProperties, data, enqueuedTime: new Date(enqueuedTime) };
}

class Clock {
  #control;

  constructor(control) {
    this.#control = control;
  }

  async time() {
    return new Date((await this.#control.get('clock')).time);
  }

  async frozen() {
    return (await this.#control.get('clock')).frozen;
  }

  freeze({ at, sasExpiry } = {}) {
    return this.#move('freeze', { at: timeText(at), sasExpiry });
  }

  advance(by, { sasExpiry } = {}) {
    return this.#move('advance', { by: typeof by === 'number' ? `${by}ms` : by, sasExpiry });
  }

  set(to, { sasExpiry } = {}) {
    return this.#move('set', { to: timeText(to), sasExpiry });
  }

  resume({ real = false, sasExpiry } = {}) {
    return this.#move('resume', { real, sasExpiry });
  }

  async #move(how, body) {
    return new Date((await this.#control.post(`clock/${how}`, body)).time);
  }
}

class Faults {
  #control;

  constructor(control) {
    this.#control = control;
  }

  async add(action, rule = {}) {
    const delay = typeof rule.delay === 'number' ? `${rule.delay}ms` : rule.delay;
    const { id } = await this.#control.post('faults', { action, ...rule, delay });
    const control = this.#control;
    const struck = async () => (await control.get('faults')).faults.find((each) => each.id === id)?.struck;
    const remove = async () => {
      if ((await struck()) !== undefined) await control.delete(`faults/${id}`);
    };
    return { id, struck, remove };
  }

  clear() {
    return this.#control.delete('faults');
  }
}

function timeText(time) {
  return time instanceof Date ? time.toISOString() : time;
}

module.exports = { Hub, MessagesMissing };
