import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { ComponentChildren } from 'preact';
import { VirtualList } from './virtual_list.tsx';

/** A page left open for a day holds its memory: older rows go. */
const kKept = 5000;

export interface Kept<T> {
  number: number;
  value: T;
  /** Its JSON in lower case, for the filter. */
  text: string;
}

/** Whether a row has every word of the filter somewhere in its JSON text. */
export function matches(text: string, filter: string): boolean {
  return filter.toLowerCase().split(/\s+/).filter(Boolean).every((word) => text.includes(word));
}

/** The latest of what `subscribe` tells while it is not paused. */
function useKept<T>(subscribe: (take: (values: T[]) => void) => () => void, paused: boolean, keys: unknown[]) {
  const [kept, set_kept] = useState<Kept<T>[]>([]);
  const number = useRef(0);
  const held = useRef(paused);
  held.current = paused;
  useEffect(() => {
    set_kept([]);
    return subscribe((values) => {
      if (held.current) return;
      const added = values.slice(-kKept).map((value) =>
        ({ number: ++number.current, value, text: JSON.stringify(value).toLowerCase() }));
      set_kept((before) => [...before.slice(Math.max(0, before.length + added.length - kKept)), ...added]);
    });
  }, keys);
  return { kept, clear: () => set_kept([]) };
}

function save(values: unknown[], name: string): void {
  const lines = new Blob([values.map((value) => JSON.stringify(value)).join('\n') + '\n'], { type: 'application/jsonl' });
  const anchor = document.createElement('a');
  anchor.href = URL.createObjectURL(lines);
  anchor.download = name;
  anchor.click();
  URL.revokeObjectURL(anchor.href);
}

interface Props<T> {
  /** What is shown: `events`. */
  what: string;
  subscribe: (take: (values: T[]) => void) => () => void;
  /** What it subscribes to: when they change, it begins anew. */
  keys: unknown[];
  kind_of: (value: T) => string;
  children: (value: T) => ComponentChildren;
}

/** A live list of the latest, newest at the end: filter, pause, save, and one chosen row in full. */
export function Tail<T>({ what, subscribe, keys, kind_of, children }: Props<T>) {
  const [paused, set_paused] = useState(false);
  const [filter, set_filter] = useState('');
  const [kind, set_kind] = useState('');
  const [chosen, choose] = useState<Kept<T>>();
  const { kept, clear } = useKept(subscribe, paused, keys);
  const kinds = useMemo(() => [...new Set(kept.map((each) => kind_of(each.value)))].sort(), [kept]);
  const shown = useMemo(
    () => kept.filter((each) => (kind === '' || kind_of(each.value) === kind) && matches(each.text, filter)),
    [kept, filter, kind]);
  return (
    <>
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
        <button type="button" class="plain" onClick={() => {
          clear();
          choose(undefined);
        }}>Clear</button>
        <button type="button" class="plain" onClick={() => save(shown.map((each) => each.value), `${what}.jsonl`)}>
          Save as JSON lines
        </button>
      </form>
      <p class="quiet" role="status">{shown.length} of {kept.length} {what} (the last {kKept} are kept)</p>
      <VirtualList rows={shown} row_height={30} label={what[0]?.toUpperCase() + what.slice(1)}
        key_of={(each) => each.number} stick_to_end={!paused}
        row={(each) => (
          <button type="button" class="line" aria-pressed={chosen?.number === each.number} onClick={() => choose(each)}>
            {children(each.value)}
          </button>
        )} />
      {chosen !== undefined && (
        <pre class="tall" tabIndex={0} aria-label="The chosen row">{JSON.stringify(chosen.value, null, 2)}</pre>
      )}
    </>
  );
}
