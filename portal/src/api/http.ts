/** Requests to the emulator that served this page; there is no other place it may speak to. */
import { signal } from '@preact/signals';

const kTokenKey = 'iothub-emulator-control-token';

/** The control token, asked for when the emulator wants one; kept for this tab only. */
export const token = signal(sessionStorage.getItem(kTokenKey) ?? '');
export const needsToken = signal(false);

export function useToken(value: string): void {
  sessionStorage.setItem(kTokenKey, value);
  token.value = value;
  needsToken.value = false;
}

/** What the hub refused, in its own words. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly body: unknown,
    message: string,
  ) {
    super(message);
  }
}

export interface Asked {
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

export interface Answer<T> {
  value: T;
  headers: Headers;
}

/** The text of an error body, whichever of the hub's forms it has. */
export function message_of(body: unknown, status: number): string {
  if (typeof body === 'string' && body.trim() !== '') return body;
  if (body !== null && typeof body === 'object') {
    const members = body as Record<string, unknown>;
    for (const name of ['error', 'message', 'Message']) {
      const text = members[name];
      if (typeof text === 'string') return text;
      if (text !== null && typeof text === 'object') return message_of(text, status);
    }
  }
  return `HTTP ${status}`;
}

export async function open(method: string, path: string, asked: Asked = {}): Promise<Response> {
  const headers: Record<string, string> = { ...asked.headers };
  if (token.value !== '') headers['Authorization'] = `Bearer ${token.value}`;
  const request: RequestInit = { method, headers, cache: 'no-store' };
  if (asked.signal) request.signal = asked.signal;
  if (asked.body !== undefined) {
    headers['Content-Type'] ??= 'application/json; charset=utf-8';
    request.body = typeof asked.body === 'string' ? asked.body : JSON.stringify(asked.body);
  }
  const response = await fetch(path, request);
  if (response.ok) return response;
  const text = await response.text();
  let body: unknown = text;
  try {
    body = JSON.parse(text);
  } catch {
    // a plain text refusal is shown as it is
  }
  if (response.status === 401 && response.headers.has('WWW-Authenticate')) needsToken.value = true;
  throw new Refused(response.status, body, message_of(body, response.status));
}

export async function ask<T>(method: string, path: string, asked: Asked = {}): Promise<Answer<T>> {
  const response = await open(method, path, asked);
  const text = await response.text();
  return { value: (text === '' ? undefined : JSON.parse(text)) as T, headers: response.headers };
}
