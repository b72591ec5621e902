import { useRef, useState } from 'preact/hooks';
import { control, type QueryExplained } from '../api/control.ts';
import { service, type JsonObject } from '../api/service.ts';
import { text_of } from '../components/notice.tsx';

const kPage = 100;

export function Query() {
  const [text, set_text] = useState("SELECT deviceId, tags FROM devices WHERE is_defined(tags.floor)");
  const [rows, set_rows] = useState<JsonObject[]>();
  const [fault, set_fault] = useState<string>();
  const [milliseconds, set_milliseconds] = useState(0);
  const more = useRef<string | null>(null);
  const [explained, set_explained] = useState<QueryExplained>();
  const explain = async () => {
    try {
      set_explained(await control.explain_query(text));
      set_fault(undefined);
    } catch (refused) {
      set_fault(text_of(refused));
    }
  };
  const run = async (known: JsonObject[]) => {
    const start = performance.now();
    try {
      const page = await service.query<JsonObject>(text, kPage, known.length === 0 ? null : more.current);
      more.current = page.continuation;
      set_rows([...known, ...page.rows]);
      set_fault(undefined);
    } catch (refused) {
      set_fault(text_of(refused));
    }
    set_milliseconds(Math.round(performance.now() - start));
  };
  return (
    <section>
      <h1>Query</h1>
      <form onSubmit={(event) => {
        event.preventDefault();
        more.current = null;
        void run([]);
      }}>
        <label>
          Query <textarea rows={3} spellcheck={false} value={text} onInput={(event) => set_text(event.currentTarget.value)} />
        </label>
        <div class="inline">
          <button type="submit">Run</button>
          <button type="button" class="plain" onClick={() => void explain()}>Explain</button>
        </div>
      </form>
      {explained !== undefined && (
        <p role="status">
          {explained.valid
            ? `It gives ${explained.itemType} items; ${explained.rowsLookedAt} rows were looked at.`
            : `It cannot be read: ${explained.reason ?? explained.message ?? ''}`}
        </p>
      )}
      {fault !== undefined && <p class="refused" role="alert">{fault}</p>}
      {rows !== undefined && (
        <>
          <p class="quiet" role="status">{rows.length} rows, the last page in {milliseconds} ms</p>
          <pre class="tall" tabIndex={0} aria-label="Rows">{rows.map((row) => JSON.stringify(row, null, 2)).join('\n')}</pre>
          {more.current !== null && <button type="button" onClick={() => void run(rows)}>Next page</button>}
        </>
      )}
    </section>
  );
}
