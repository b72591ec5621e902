import { useState } from 'preact/hooks';

/** Copies a text; says so for a moment. */
export function Copy({ text, what }: { text: string; what: string }) {
  const [done, set_done] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    set_done(true);
    setTimeout(() => set_done(false), 1500);
  };
  return (
    <button type="button" class="small" onClick={copy} aria-live="polite" aria-label={done ? 'Copied' : `Copy ${what}`}>
      {done ? 'Copied' : 'Copy'}
    </button>
  );
}

/** A text to paste elsewhere. A secret is hidden until asked for. */
export function Pasteable({ name, text, secret = false }: { name: string; text: string; secret?: boolean }) {
  const [shown, set_shown] = useState(!secret);
  return (
    <div class="pasteable">
      <span class="name">{name}</span>
      <code>{shown ? text : '••••••••••••••••'}</code>
      <span class="actions">
        {secret && (
          <button type="button" class="small" aria-pressed={shown} onClick={() => set_shown(!shown)}>
            {shown ? 'Hide' : 'Show'}
          </button>
        )}
        <Copy text={text} what={name} />
      </span>
    </div>
  );
}
