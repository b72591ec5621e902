import type { ComponentChildren } from 'preact';
import { useCallback, useEffect, useState } from 'preact/hooks';
import { text_of } from './notice.tsx';

export interface Loaded<T> {
  value: T | undefined;
  fault: string | undefined;
  reload: () => void;
}

/** Fetches what a screen shows, and again when `keys` change. */
export function useLoad<T>(fetch: () => Promise<T>, keys: unknown[]): Loaded<T> {
  const [state, set_state] = useState<{ value?: T; fault?: string }>({});
  const [turn, set_turn] = useState(0);
  const reload = useCallback(() => set_turn((before) => before + 1), []);
  useEffect(() => {
    let stale = false;
    fetch().then(
      (value) => !stale && set_state({ value }),
      (fault: unknown) => !stale && set_state((before) => ({ ...before, fault: text_of(fault) })),
    );
    return () => {
      stale = true;
    };
  }, [...keys, turn]);
  return { value: state.value, fault: state.fault, reload };
}

/** Its content once it is there, or why it is not. */
export function Ready<T>({ of, children }: { of: Loaded<T>; children: (value: T) => ComponentChildren }) {
  if (of.value !== undefined) {
    return (
      <>
        {of.fault !== undefined && <p class="refused" role="alert">{of.fault}</p>}
        {children(of.value)}
      </>
    );
  }
  if (of.fault !== undefined) return <p class="refused" role="alert">{of.fault}</p>;
  return <p class="quiet">Loading…</p>;
}
