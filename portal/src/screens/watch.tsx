import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { listen, type HubEvent } from '../api/stream.ts';
import { VirtualList } from '../components/virtual_list.tsx';

/** A page left open for a day holds its memory: older events go. */
const kKept = 5000;

interface Kept {
  number: number;
  event: HubEvent;
  text: string;
}

/** Whether an event has every word of the filter somewhere in its JSON text. */
export function matches(text: string, filter: string): boolean {
  return filter.toLowerCase().split(/\s+/).filter(Boolean).every((word) => text.includes(word));
}

function useEvents(paused: boolean) {
  const [kept, set_kept] = useState<Kept[]>([]);
  const number = useRef(0);
  const held = useRef(paused);
  held.current = paused;
  useEffect(() => listen((events) => {
    if (held.current) return;
    const added = events.slice(-kKept).map((event) =>
      ({ number: ++number.current, event, text: JSON.stringify(event).toLowerCase() }));
    set_kept((before) => [...before.slice(Math.max(0, before.length + added.length - kKept)), ...added]);
  }), []);
  return { kept, clear: () => set_kept([]) };
}

function save(events: HubEvent[]): void {
  const lines = new Blob([events.map((event) => JSON.stringify(event)).join('\n') + '\n'], { type: 'application/jsonl' });
  const anchor = document.createElement('a');
  anchor.href = URL.createObjectURL(lines);
  anchor.download = 'events.jsonl';
  anchor.click();
  URL.revokeObjectURL(anchor.href);
}

const summary = ({ detail }: HubEvent) => (detail === undefined ? '' : JSON.stringify(detail));

export function Watch() {
  const [paused, set_paused] = useState(false);
  const [filter, set_filter] = useState('');
  const [kind, set_kind] = useState('');
  const [chosen, choose] = useState<Kept>();
  const { kept, clear } = useEvents(paused);
  const kinds = useMemo(() => [...new Set(kept.map((each) => each.event.event))].sort(), [kept]);
  const shown = useMemo(
    () => kept.filter((each) => (kind === '' || each.event.event === kind) && matches(each.text, filter)),
    [kept, filter, kind]);
  return (
    <section class="watch">
      <h1>Watch</h1>
      <form class="inline" onSubmit={(event) => event.preventDefault()}>
        <label class="wide">
          Words{' '}
          <input type="search" value={filter} onInput={(event) => set_filter(event.currentTarget.value)} />
        </label>
        <label>
          Kind{' '}
          <select value={kind} onChange={(event) => set_kind(event.currentTarget.value)}>
            <option value="">all</option>
            {kinds.map((each) => <option key={each}>{each}</option>)}
          </select>
        </label>
        <button type="button" aria-pressed={paused} onClick={() => set_paused(!paused)}>{paused ? 'Go on' : 'Pause'}</button>
        <button type="button" class="plain" onClick={clear}>Clear</button>
        <button type="button" class="plain" onClick={() => save(shown.map((each) => each.event))}>Save as JSON lines</button>
      </form>
      <p class="quiet" role="status">{shown.length} of {kept.length} events (the last {kKept} are kept)</p>
      <VirtualList rows={shown} row_height={30} label="Events" key_of={(each) => each.number} stick_to_end={!paused}
        row={({ event, number }) => (
          <button type="button" class="line" aria-pressed={chosen?.number === number}
            onClick={() => choose(shown.find((each) => each.number === number))}>
            <time>{event.time?.slice(11, 23)}</time>
            <span class="badge">{event.event}</span>
            <strong>{event.device}{event.module === undefined ? '' : `/${event.module}`}</strong>
            <span class="rest">{summary(event)}</span>
          </button>
        )} />
      {chosen !== undefined && (
        <pre class="tall" tabIndex={0} aria-label="The chosen event">{JSON.stringify(chosen.event, null, 2)}</pre>
      )}
    </section>
  );
}
