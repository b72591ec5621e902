/** The control API (docs/control.md): the hub as a test instrument. */
import { ask } from './http.ts';
import type { Json, JsonObject, Name } from './service.ts';

export interface ConnectionStrings {
  hub: string;
  policies: Record<string, string>;
  eventHub: string;
  ports: Record<string, number>;
}

export interface Connection {
  device: string;
  module?: string;
  protocol: string;
  address: string;
  /** By which `protocol` and the log know it. */
  connection: string;
  since: string;
  lastActivity: string;
}

/** Of no device: a service or Event Hubs client. */
export type ClientConnection = Pick<Connection, 'connection' | 'protocol' | 'address'>;

/** A message that the hub received, as its event stream holds it. */
export interface Message {
  device: string;
  module?: string;
  enqueuedTime: string;
  source: string;
  properties: Record<string, string>;
  systemProperties: Record<string, string>;
  body: Json;
  bodyBase64: string;
}

/** A twin change event: what was written, not the whole twin. */
export interface TwinChange {
  time: string;
  operation: string;
  version: number;
  change: JsonObject;
}

/** Each looks at 20,000 events of a partition: a stream that is longer is not read to its end for a screen. */
const kMostPages = 25;
const kChangesKept = 100;

/** What the hub refused lately and what to do about it. */
export interface Refusal {
  time: string;
  protocol: string;
  who?: string;
  operation: string;
  code?: number;
  reason: string;
  hint?: string;
}

export interface Clock {
  time: string;
  frozen: boolean;
  offsetSeconds: number;
  rulesSasExpiry: boolean;
}

export interface Snapshot {
  name: string;
  savedTime?: string;
}

export interface Fault {
  id: number;
  action: string;
  device?: string;
  operation?: string;
  protocol?: string;
  status?: number;
  delay?: string;
  probability?: number;
  count?: number;
  struck: number;
}

export type NewFault = Omit<Fault, 'id' | 'struck'>;

export interface QueryExplained {
  valid: boolean;
  reason?: string;
  message?: string;
  itemType?: string;
  rowsLookedAt?: number;
  complete?: boolean;
}

export interface Simulation {
  id: number;
  state: 'running' | 'stopping' | 'ended';
  prefix: string;
  devices: number;
  rate: number;
  connected: number;
  sent: number;
  acknowledged: number;
  methods: number;
  messages: number;
  refused: number;
  lost: number;
  failure?: string;
}

export interface NewSimulation {
  prefix: string;
  devices: number;
  rate: number;
  duration?: string;
  /** Text of a template file. */
  template: string;
}

/** A part of a condition, and what it came to. */
export interface Clause {
  clause: string;
  type: string;
  value?: Json;
  operands?: Clause[];
}

export interface RouteExplained {
  name: string;
  source: string;
  isEnabled: boolean;
  takesSource: boolean;
  taken: boolean;
  /** Of the fallback route: no other one takes the message. */
  needed?: boolean;
  endpointNames: string[];
  condition: Clause;
}

export interface RoutesExplained {
  routes: RouteExplained[];
  fallbackRoute: RouteExplained;
  endpoints: string[];
}

export interface RouteAsked {
  message: JsonObject;
  routing: JsonObject;
  source: string;
  device?: string;
}

/** A twin that a configuration would hold for. */
export interface ConfigurationTarget {
  device: string;
  module?: string;
  ranks: { id: string; priority: number }[];
  applies: boolean;
  overruled: { path: string; by: string }[];
  reason?: string;
}

export type ConfigurationTried =
  | { valid: false; code: number; message: string; reason?: string }
  | {
      valid: true;
      family: 'device' | 'module' | 'edge';
      keepsContent: boolean;
      query: string;
      matched: number;
      complete: boolean;
      targets: ConfigurationTarget[];
    };

export interface CloudToDeviceMessage {
  body: string;
  messageId: string;
  ack: string;
  properties: Record<string, string>;
  expiry?: string;
}

/** Of a device's queue: `invisible` is locked by the device, which has not settled it. */
export interface WaitingMessage {
  sequenceNumber: number;
  messageId?: string;
  state: 'enqueued' | 'invisible';
  /** Nothing: as long as the device is connected. */
  lockedUntil?: string;
  enqueuedTime: string;
  expiryTime: string;
  deliveryCount: number;
  ack: string;
  properties: Record<string, string>;
  /** Of the whole body; `body` or `bodyBase64` are its beginning. */
  bytes: number;
  body?: string;
  bodyBase64?: string;
}

/** What became of a message, for the service that sent it. */
export interface FeedbackRecord {
  originalMessageId?: string;
  description: string;
  deviceId: string;
  enqueuedTimeUtc: string;
  statusCode: string;
}

export interface ScenarioStep {
  name: string;
  does?: string;
  state: 'waiting' | 'running' | 'passed' | 'failed' | 'skipped';
  seconds: number;
  failure?: string;
}

export interface ScenarioRun {
  id: string;
  name: string;
  file: string;
  state: 'running' | 'passed' | 'failed';
  seconds: number;
  /** When its runner told this. */
  heard: string;
  steps: ScenarioStep[];
}

function query_of(parameters: Record<string, string | undefined>): string {
  const given = Object.entries(parameters).filter((each): each is [string, string] => each[1] !== undefined);
  return given.length === 0 ? '' : '?' + new URLSearchParams(given).toString();
}

async function get<T>(path: string, parameters: Record<string, string | undefined> = {}): Promise<T> {
  return (await ask<T>('GET', `/_emulator/${path}${query_of(parameters)}`)).value;
}

const post = <T,>(path: string, body: object) => ask<T>('POST', `/_emulator/${path}`, { body });

export const control = {
  version: () => get<{ version: string }>('version'),
  connection_strings: () => get<ConnectionStrings>('connection-strings'),
  connection_string: async ({ device, module }: Name) =>
    (await get<{ connectionString: string }>('connection-strings', { device, module })).connectionString,
  connections: () => get<{ connections: Connection[]; clients: ClientConnection[] }>('connections'),
  messages: async ({ device, module }: Name, limit: number) =>
    (await get<{ messages: Message[] }>('messages', { device, module, limit: String(limit) })).messages,
  /** The latest changes of a twin that the event stream still holds, newest first. */
  twin_changes: async ({ device, module }: Name) => {
    const changes: TwinChange[] = [];
    let since = 'start';
    for (let page = 0; page < kMostPages; ++page) {
      const answer = await get<{ messages: Message[]; next: string }>('messages', {
        device, module, since, source: 'twinChangeEvents', limit: '1000',
      });
      for (const { enqueuedTime, properties, body } of answer.messages) {
        const { version, ...change } = body as JsonObject;
        changes.push({ time: enqueuedTime, operation: properties['opType'] ?? '', version: Number(version), change });
      }
      if (answer.next === since) break;
      since = answer.next;
    }
    return changes.slice(-kChangesKept).reverse();
  },
  send_c2d: async (device: string, message: CloudToDeviceMessage) =>
    (await post<{ sequenceNumber: number }>(`devices/${encodeURIComponent(device)}/c2d`, message)).value.sequenceNumber,
  queue: async (device: string, bodyBytes: number) =>
    (await get<{ messages: WaitingMessage[] }>(`devices/${encodeURIComponent(device)}/c2d`, { bodyBytes: String(bodyBytes) }))
      .messages,
  feedback: async (limit: number) =>
    (await get<{ records: { record: FeedbackRecord }[] }>('feedback', { limit: String(limit) })).records
      .map(({ record }) => record),
  scenario_runs: async () => (await get<{ runs: ScenarioRun[] }>('scenario-runs')).runs,

  refusals: async (limit: number) => (await get<{ refusals: Refusal[] }>('explain', { limit: String(limit) })).refusals,
  explain_query: async (query: string) => (await post<QueryExplained>('explain/query', { query })).value,
  explain_route: async (asked: RouteAsked) => (await post<RoutesExplained>('explain/route', asked)).value,
  explain_configuration: async (configuration: JsonObject) =>
    (await post<ConfigurationTried>('explain/configuration', { configuration })).value,
  routing: () => get<{ isDefault: boolean; routing: JsonObject }>('routing'),
  put_routing: (routing: JsonObject) => ask<void>('PUT', '/_emulator/routing', { body: { routing } }),

  simulations: async () => (await get<{ simulations: Simulation[] }>('simulations')).simulations,
  start_simulation: (what: NewSimulation) => post<Simulation>('simulations', what),
  remove_simulation: (id: number) => ask<void>('DELETE', `/_emulator/simulations/${id}`),

  clock: () => get<Clock>('clock'),
  freeze_clock: () => post<Clock>('clock/freeze', {}),
  advance_clock: (by: string) => post<Clock>('clock/advance', { by }),
  resume_clock: (real: boolean) => post<Clock>('clock/resume', { real }),

  snapshots: async () => (await get<{ snapshots: Snapshot[] }>('snapshots')).snapshots,
  save_snapshot: (name: string) => ask<void>('PUT', `/_emulator/snapshots/${encodeURIComponent(name)}`),
  restore_snapshot: (name: string) => post<void>(`snapshots/${encodeURIComponent(name)}/restore`, {}),
  remove_snapshot: (name: string) => ask<void>('DELETE', `/_emulator/snapshots/${encodeURIComponent(name)}`),
  reset: (links: 'keep' | 'drop') => post<void>('reset', { links }),

  faults: async () => (await get<{ faults: Fault[] }>('faults')).faults,
  add_fault: (fault: NewFault) => post<Fault>('faults', fault),
  remove_fault: (id: number) => ask<void>('DELETE', `/_emulator/faults/${id}`),
};
