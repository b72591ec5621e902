/** What a connection carries, beside what the hub did (`GET protocol`). */
import { in_batches } from './batches.ts';
import { follow, type Life, type ServerSent } from './server_sent.ts';
import type { Name } from './service.ts';
import type { HubEvent } from './stream.ts';

export interface Packet {
  time: string;
  connection: string;
  direction: 'received' | 'sent';
  packet: string;
  bytes: number;
  fields: { [name: string]: unknown };
}

export interface Ended {
  time: string;
  connection: string;
  reason: string;
}

export type WireRow =
  | { kind: 'packet'; packet: Packet }
  | { kind: 'hub'; event: HubEvent }
  | { kind: 'ended'; ended: Ended }
  | { kind: 'gap'; dropped: number };

/** One connection by its id, or all of a device or module. */
export type WireSubject = { connection: string } | Name;

function row_of({ name, data }: ServerSent): WireRow {
  if (name === 'packet') return { kind: 'packet', packet: data as Packet };
  if (name === 'ended') return { kind: 'ended', ended: data as Ended };
  if (name === 'gap') return { kind: 'gap', dropped: (data as { dropped: number }).dropped };
  return { kind: 'hub', event: data as HubEvent };
}

/** Until what it returns is called; of one connection until that ends. */
export function follow_protocol(
  subject: WireSubject,
  take: (rows: WireRow[]) => void,
  state: (life: Life | 'ended', why?: unknown) => void,
): () => void {
  const asked = new URLSearchParams();
  for (const [name, value] of Object.entries(subject)) if (value !== undefined) asked.set(name, value);
  const stop = new AbortController();
  const tell = in_batches(take);
  const of_one = 'connection' in subject;
  const told = (event: ServerSent) => {
    const row = row_of(event);
    tell(row);
    if (row.kind !== 'ended' || !of_one) return;
    state('ended');
    stop.abort();
  };
  follow(`/_emulator/protocol?${asked}`, told, state, stop.signal).catch((refused: unknown) => state('ended', refused));
  return () => stop.abort();
}
