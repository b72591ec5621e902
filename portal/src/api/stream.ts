/**
 * The emulator's server-sent stream of everything the hub does. Read by fetch, not EventSource, which cannot send the
 * control token. Opens again after a lost connection, with a wait that doubles up to 10 s.
 */
import { signal } from '@preact/signals';
import { open } from './http.ts';

export interface HubEvent {
  id: number;
  /** What happened: `telemetry`, `twin-updated`, `connected`, ...; `gap` when the hub had to drop some. */
  event: string;
  /** When, in ISO 8601; a gap has none. */
  time?: string;
  device?: string;
  module?: string;
  detail?: { [member: string]: unknown };
}

export type Listener = (events: HubEvent[]) => void;

export const live = signal<'opening' | 'open' | 'lost'>('opening');

const listeners = new Set<Listener>();
let pending: HubEvent[] = [];
let scheduled = false;

/** One call a frame, however many events came: a page must stay responsive at thousands a second. */
function tell(event: HubEvent): void {
  pending.push(event);
  if (scheduled) return;
  scheduled = true;
  setTimeout(() => {
    scheduled = false;
    const events = pending;
    pending = [];
    for (const listener of listeners) listener(events);
  }, 50);
}

export function listen(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The `data:` lines of one block as one event; comments and keep-alives give null. */
export function read_block(block: string): HubEvent | null {
  const data = block.split('\n').filter((line) => line.startsWith('data:')).map((line) => line.slice(5).trimStart());
  return data.length === 0 ? null : (JSON.parse(data.join('\n')) as HubEvent);
}

async function read(body: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    rest += value.replaceAll('\r', '');
    const blocks = rest.split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const event = read_block(block);
      if (event !== null) tell(event);
    }
  }
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Runs as long as the page. */
export async function follow(): Promise<never> {
  let wait = 500;
  for (;;) {
    try {
      const response = await open('GET', '/_emulator/events', { headers: { Accept: 'text/event-stream' } });
      live.value = 'open';
      wait = 500;
      if (response.body !== null) await read(response.body);
    } catch {
      // said by the `lost` sign in the page's head
    }
    live.value = 'lost';
    await pause(wait);
    wait = Math.min(wait * 2, 10_000);
  }
}
