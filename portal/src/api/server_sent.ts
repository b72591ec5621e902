/**
 * Server-sent events of the emulator. Read by fetch, not EventSource, which cannot send the control token.
 */
import { open, Refused } from './http.ts';

export interface ServerSent {
  /** The `event:` line. */
  name: string;
  data: unknown;
}

/** One block of a stream as its event; comments and keep-alives give null. */
export function read_block(block: string): ServerSent | null {
  let name = 'message';
  const data: string[] = [];
  for (const line of block.split('\n')) {
    if (line.startsWith('event:')) name = line.slice(6).trim();
    if (line.startsWith('data:')) data.push(line.slice(5).trimStart());
  }
  return data.length === 0 ? null : { name, data: JSON.parse(data.join('\n')) };
}

async function read(body: ReadableStream<Uint8Array<ArrayBuffer>>, tell: (event: ServerSent) => void): Promise<void> {
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

const pause = (milliseconds: number, signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    }, { once: true });
  });

export type Life = 'opening' | 'open' | 'lost';

/**
 * Tells each event until the signal ends it. Opens again after a lost connection, with a wait that doubles up to 10 s;
 * a refusal (a hub that does not know what is asked for) ends it and is thrown, unless `through_refusals`.
 */
export async function follow(
  path: string,
  tell: (event: ServerSent) => void,
  state: (life: Life) => void,
  signal: AbortSignal,
  through_refusals = false,
): Promise<void> {
  let wait = 500;
  while (!signal.aborted) {
    try {
      const response = await open('GET', path, { headers: { Accept: 'text/event-stream' }, signal });
      state('open');
      wait = 500;
      if (response.body !== null) await read(response.body, tell);
    } catch (fault) {
      if (signal.aborted) return;
      if (fault instanceof Refused && !through_refusals) throw fault;
    }
    if (signal.aborted) return;
    state('lost');
    await pause(wait, signal);
    wait = Math.min(wait * 2, 10_000);
  }
}
