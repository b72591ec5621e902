import { useState } from 'preact/hooks';
import { control } from '../api/control.ts';
import { service, type Json, type Name } from '../api/service.ts';
import { json_fault, JsonEditor } from '../components/json_editor.tsx';
import { attempt, text_of } from '../components/notice.tsx';

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

/** `name=value`, one a line. */
function properties_of(text: string): Record<string, string> {
  const lines = text.split('\n').filter((line) => line.includes('='));
  return Object.fromEntries(lines.map((line) => {
    const split = line.indexOf('=');
    return [line.slice(0, split).trim(), line.slice(split + 1).trim()];
  }));
}

export function CloudToDevice({ device }: { device: string }) {
  const [body, set_body] = useState('');
  const [properties, set_properties] = useState('');
  const [ack, set_ack] = useState('none');
  const send = async (event: Event) => {
    event.preventDefault();
    await attempt('Message queued', () =>
      control.send_c2d(device, { body, ack, properties: properties_of(properties) }));
  };
  const purge = () => attempt('Queue purged', () => service.purge(device));
  return (
    <section aria-label="Cloud-to-device">
      <h3>Cloud-to-device message</h3>
      <form onSubmit={send}>
        <label>Body <textarea rows={3} value={body} onInput={(event) => set_body(event.currentTarget.value)} /></label>
        <label>
          Properties, <code>name=value</code> a line{' '}
          <textarea rows={2} value={properties} onInput={(event) => set_properties(event.currentTarget.value)} />
        </label>
        <div class="inline">
          <label>
            Feedback{' '}
            <select value={ack} onChange={(event) => set_ack(event.currentTarget.value)}>
              <option>none</option><option>positive</option><option>negative</option><option>full</option>
            </select>
          </label>
          <button type="submit">Send</button>
          <button type="button" class="plain" onClick={purge}>Purge the queue</button>
        </div>
      </form>
    </section>
  );
}
