/** The emulator's stream of everything the hub does, for as long as the page is there. */
import { signal } from '@preact/signals';
import { in_batches } from './batches.ts';
import { follow, type Life } from './server_sent.ts';

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

export const live = signal<Life>('opening');

const listeners = new Set<Listener>();

export function listen(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Runs as long as the page; that the connection is lost is said in the page's head. */
export function follow_hub(): Promise<void> {
  const tell = in_batches<HubEvent>((events) => {
    for (const listener of listeners) listener(events);
  });
  return follow('/_emulator/events', ({ data }) => tell(data as HubEvent), (life) => (live.value = life),
    new AbortController().signal, true);
}
