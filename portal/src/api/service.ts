/** The hub's own service API, spoken through the control API: same paths, same bodies, same etags. */
import { ask, type Answer, type Asked } from './http.ts';

const kApiVersion = '2021-04-12';

export interface SymmetricKey {
  primaryKey: string | null;
  secondaryKey: string | null;
}

export interface Identity {
  deviceId: string;
  moduleId?: string;
  generationId: string;
  etag: string;
  status?: 'enabled' | 'disabled';
  statusReason?: string | null;
  connectionState: 'Connected' | 'Disconnected';
  connectionStateUpdatedTime: string;
  lastActivityTime: string;
  cloudToDeviceMessageCount: number;
  capabilities?: { iotEdge: boolean };
  authentication: {
    type: 'sas' | 'selfSigned' | 'certificateAuthority' | 'none';
    symmetricKey: SymmetricKey;
    x509Thumbprint: { primaryThumbprint: string | null; secondaryThumbprint: string | null };
  };
}

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
export type JsonObject = { [name: string]: Json };

export interface Twin {
  deviceId: string;
  moduleId?: string;
  etag: string;
  version: number;
  status?: string;
  connectionState?: string;
  lastActivityTime?: string;
  tags?: JsonObject;
  properties: { desired: JsonObject; reported: JsonObject };
}

export interface Page<T> {
  rows: T[];
  continuation: string | null;
}

export interface MethodAnswer {
  status: number;
  payload: Json;
}

function encoded(...parts: string[]): string {
  return parts.map((part) => '/' + encodeURIComponent(part)).join('');
}

function call<T>(method: string, path: string, asked: Asked = {}): Promise<Answer<T>> {
  return ask<T>(method, `/_emulator/service${path}?api-version=${kApiVersion}`, asked);
}

/** A device, or one of its modules. */
export interface Name {
  device: string;
  module?: string | undefined;
}

function identity_path({ device, module }: Name): string {
  return module === undefined ? encoded('devices', device) : encoded('devices', device, 'modules', module);
}

function twin_path({ device, module }: Name): string {
  return module === undefined ? encoded('twins', device) : encoded('twins', device, 'modules', module);
}

const quoted = (etag: string) => (etag === '*' || etag.startsWith('"') ? etag : `"${etag}"`);

export const service = {
  async query<T>(text: string, size: number, continuation: string | null, signal?: AbortSignal): Promise<Page<T>> {
    const headers: Record<string, string> = { 'x-ms-max-item-count': String(size) };
    if (continuation !== null) headers['x-ms-continuation'] = continuation;
    const asked: Asked = { body: { query: text }, headers };
    if (signal) asked.signal = signal;
    const { value, headers: answered } = await call<T[]>('POST', '/devices/query', asked);
    return { rows: value, continuation: answered.get('x-ms-continuation') };
  },

  identity: async (name: Name) => (await call<Identity>('GET', identity_path(name))).value,
  modules: async (device: string) => (await call<Identity[]>('GET', encoded('devices', device, 'modules'))).value,
  /** Creates it, or updates it when an etag is given. */
  async put_identity(name: Name, body: JsonObject, etag?: string): Promise<Identity> {
    const headers: Record<string, string> = {};
    if (etag !== undefined) headers['If-Match'] = quoted(etag);
    return (await call<Identity>('PUT', identity_path(name), { body, headers })).value;
  },
  remove_identity: (name: Name) => call<void>('DELETE', identity_path(name), { headers: { 'If-Match': '*' } }),

  twin: async (name: Name) => (await call<Twin>('GET', twin_path(name))).value,
  async write_twin(how: 'PATCH' | 'PUT', name: Name, body: JsonObject, etag: string): Promise<Twin> {
    return (await call<Twin>(how, twin_path(name), { body, headers: { 'If-Match': quoted(etag) } })).value;
  },

  async invoke(name: Name, method: string, payload: Json, connect: number, response: number): Promise<MethodAnswer> {
    const body = {
      methodName: method,
      payload,
      connectTimeoutInSeconds: connect,
      responseTimeoutInSeconds: response,
    };
    return (await call<MethodAnswer>('POST', twin_path(name) + '/methods', { body })).value;
  },

  purge: async (device: string) =>
    (await call<{ totalMessagesPurged: number }>('DELETE', encoded('devices', device, 'commands'))).value,

  statistics: async () =>
    (await call<{ totalDeviceCount: number; enabledDeviceCount: number; disabledDeviceCount: number }>(
      'GET', '/statistics/devices')).value,

  configurations: async () => (await call<JsonObject[]>('GET', '/configurations')).value,
  configuration: async (id: string) => (await call<JsonObject>('GET', encoded('configurations', id))).value,
  async put_configuration(id: string, body: JsonObject, etag?: string): Promise<JsonObject> {
    const headers: Record<string, string> = {};
    if (etag !== undefined) headers['If-Match'] = quoted(etag);
    return (await call<JsonObject>('PUT', encoded('configurations', id), { body, headers })).value;
  },
  remove_configuration: (id: string) =>
    call<void>('DELETE', encoded('configurations', id), { headers: { 'If-Match': '*' } }),
};
