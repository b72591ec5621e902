import { useId } from 'preact/hooks';

/** What is wrong with a JSON text, or null. */
export function json_fault(text: string): string | null {
  try {
    JSON.parse(text);
    return null;
  } catch (fault) {
    return fault instanceof Error ? fault.message : String(fault);
  }
}

interface Props {
  label: string;
  text: string;
  rows?: number;
  on_change: (text: string) => void;
}

/** A text area for JSON that says at once what cannot be read. Tab leaves it, as the keyboard expects. */
export function JsonEditor({ label, text, rows = 12, on_change }: Props) {
  const id = useId();
  const fault = json_fault(text);
  return (
    <div class="editor">
      <label for={id}>{label}</label>
      <textarea id={id} rows={rows} spellcheck={false} value={text} aria-invalid={fault !== null}
        aria-describedby={`${id}-fault`} onInput={(event) => on_change(event.currentTarget.value)} />
      <p id={`${id}-fault`} class="fault" role="status">{fault ?? ''}</p>
    </div>
  );
}
