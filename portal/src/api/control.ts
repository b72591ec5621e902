/** The control API (docs/control.md): the hub as a test instrument. */
import { ask } from './http.ts';
import type { Json, Name } from './service.ts';

export interface ConnectionStrings {
  hub: string;
  policies: Record<string, string>;
  eventHub: string;
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

export interface CloudToDeviceMessage {
  body: string;
  ack: string;
  properties: Record<string, string>;
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
  send_c2d: (device: string, message: CloudToDeviceMessage) =>
    ask<{ messageId: string }>('POST', `/_emulator/devices/${encodeURIComponent(device)}/c2d`, { body: { ...message } }),

  refusals: async (limit: number) => (await get<{ refusals: Refusal[] }>('explain', { limit: String(limit) })).refusals,
  explain_query: async (query: string) => (await post<QueryExplained>('explain/query', { query })).value,
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
