import { signal } from '@preact/signals';
import { Refused } from '../api/http.ts';

interface Said {
  kind: 'done' | 'refused';
  text: string;
}

const said = signal<Said | null>(null);
let fading: ReturnType<typeof setTimeout> | undefined;

function say(what: Said): void {
  said.value = what;
  clearTimeout(fading);
  if (what.kind === 'done') fading = setTimeout(() => (said.value = null), 4000);
}

export function text_of(fault: unknown): string {
  if (!(fault instanceof Refused)) return fault instanceof Error ? fault.message : String(fault);
  if (fault.status === 412) return 'Somebody else changed it meanwhile: load it again, then repeat your change (412).';
  return `${fault.message} (${fault.status})`;
}

/** Runs something a person asked for and says how it ended; gives whether it succeeded. */
export async function attempt(done: string, action: () => Promise<unknown>): Promise<boolean> {
  try {
    await action();
    say({ kind: 'done', text: done });
    return true;
  } catch (fault) {
    say({ kind: 'refused', text: text_of(fault) });
    return false;
  }
}

/** The one place where the page tells outcomes. */
export function Notice() {
  const what = said.value;
  return (
    <div class="notice" role="status" aria-live="polite">
      {what !== null && (
        <p class={what.kind}>
          {what.text} <button type="button" class="small" onClick={() => (said.value = null)}>Dismiss</button>
        </p>
      )}
    </div>
  );
}
