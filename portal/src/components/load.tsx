import type { ComponentChildren } from 'preact';
import { useCallback, useEffect, useState } from 'preact/hooks';
import { listen, live, type HubEvent } from '../api/stream.ts';
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

const kPaceMilliseconds = 250;

/** Fetches again when an event is about what is shown, or some were missed; not oftener than a person can read. */
export function useReloadOn(about_it: (event: HubEvent) => boolean, reload: () => void, keys: unknown[]): void {
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const soon = () => {
      timer ??= setTimeout(() => {
        timer = undefined;
        reload();
      }, kPaceMilliseconds);
    };
    const stop_events = listen((events) => {
      if (events.some((each) => each.event === 'gap' || each.event === 'rolled-back' || about_it(each))) soon();
    });
    let was_open = true;  // subscribe() tells at once what is known already
    const stop_life = live.subscribe((life) => {
      if (life === 'open' && !was_open) soon();
      was_open = life === 'open';
    });
    return () => {
      stop_events();
      stop_life();
      clearTimeout(timer);
    };
  }, keys);
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
