import { useState } from 'preact/hooks';
import { service, type Json, type Name } from '../api/service.ts';
import { json_fault, JsonEditor } from '../components/json_editor.tsx';
import { text_of } from '../components/notice.tsx';

interface Invocation {
  at: Date;
  method: string;
  milliseconds: number;
  outcome: string;
  failed: boolean;
}

const kInvocationsKept = 50;

export function MethodForm({ name }: { name: Name }) {
  const [method, set_method] = useState('');
  const [payload, set_payload] = useState('null');
  const [connect, set_connect] = useState(0);
  const [response, set_response] = useState(30);
  const [busy, set_busy] = useState(false);
  const [history, set_history] = useState<Invocation[]>([]);
  const invoke = async (event: Event) => {
    event.preventDefault();
    set_busy(true);
    const start = performance.now();
    let outcome: string;
    let failed = false;
    try {
      const answer = await service.invoke(name, method, JSON.parse(payload) as Json, connect, response);
      outcome = `${answer.status} ${JSON.stringify(answer.payload)}`;
    } catch (fault) {
      outcome = text_of(fault);
      failed = true;
    }
    const milliseconds = Math.round(performance.now() - start);
    set_history((before) => [{ at: new Date(), method, milliseconds, outcome, failed }, ...before].slice(0, kInvocationsKept));
    set_busy(false);
  };
  return (
    <section aria-label="Direct method">
      <h3>Direct method</h3>
      <form onSubmit={invoke}>
        <div class="inline">
          <label>Name <input required value={method} onInput={(event) => set_method(event.currentTarget.value)} /></label>
          <label>
            Connect within (s){' '}
            <input type="number" min={0} max={300} value={connect}
              onInput={(event) => set_connect(event.currentTarget.valueAsNumber)} />
          </label>
          <label>
            Answer within (s){' '}
            <input type="number" min={5} max={300} value={response}
              onInput={(event) => set_response(event.currentTarget.valueAsNumber)} />
          </label>
        </div>
        <JsonEditor label="Payload" text={payload} rows={4} on_change={set_payload} />
        <button type="submit" disabled={busy || json_fault(payload) !== null}>{busy ? 'Waiting…' : 'Invoke'}</button>
      </form>
      <ol class="history" aria-label="Invocations" aria-live="polite">
        {history.map((each) => (
          <li key={each.at.getTime()}>
            <time>{each.at.toLocaleTimeString()}</time> <strong>{each.method}</strong> {each.milliseconds} ms{' '}
            <code class={each.failed ? 'refused' : ''}>{each.outcome}</code>
          </li>
        ))}
      </ol>
    </section>
  );
}
