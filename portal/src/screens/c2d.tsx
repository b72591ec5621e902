import { useState } from 'preact/hooks';
import { feedback, follow_sent, sent } from '../api/c2d.ts';
import { control, type CloudToDeviceMessage, type FeedbackRecord, type WaitingMessage } from '../api/control.ts';
import { service } from '../api/service.ts';
import { Ready, useLoad, useReloadOn } from '../components/load.tsx';
import { attempt } from '../components/notice.tsx';
import { shown_time } from '../components/time.ts';

/** `name=value`, one a line. */
function properties_of(text: string): Record<string, string> {
  const lines = text.split('\n').filter((line) => line.includes('='));
  return Object.fromEntries(lines.map((line) => {
    const split = line.indexOf('=');
    return [line.slice(0, split).trim(), line.slice(split + 1).trim()];
  }));
}

/** Feedback is about a message by its id: one without an id gets one. */
function made_up_id(): string {
  return `portal-${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 8)}`;
}

function SentMessages({ device }: { device: string }) {
  const of_device = sent.value.filter((each) => each.device === device);
  if (of_device.length === 0) return null;
  return (
    <>
      <h4>Sent from this page</h4>
      <ol class="history" aria-label="Sent messages" aria-live="polite">
        {of_device.map(({ sequence, message_id, trail, over }) => (
          <li key={`${sequence} ${message_id}`}>
            <strong>{message_id}</strong>{' '}
            {trail.map(({ state, time }, index) => (
              <span key={index} class={index < trail.length - 1 ? 'quiet' : ''}>
                {index > 0 && ' → '}
                {index < trail.length - 1 ? state : <span class={over ? 'badge' : 'badge now'}>{state}</span>}{' '}
                <time>{time.slice(11, 19)}</time>
              </span>
            ))}
          </li>
        ))}
      </ol>
    </>
  );
}

export function CloudToDevice({ device }: { device: string }) {
  const [body, set_body] = useState('');
  const [id, set_id] = useState('');
  const [properties, set_properties] = useState('');
  const [ack, set_ack] = useState('none');
  const [life, set_life] = useState('');
  const send = async (event: Event) => {
    event.preventDefault();
    await attempt('Message queued', async () => {
      const message: CloudToDeviceMessage = { body, ack, properties: properties_of(properties), messageId: id || made_up_id() };
      if (life !== '') {
        // By the hub's clock, which may be another than the browser's.
        const now = Date.parse((await control.clock()).time);
        message.expiry = new Date(now + Number(life) * 1000).toISOString();
      }
      follow_sent(device, await control.send_c2d(device, message), message.messageId);
    });
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
            Message id{' '}
            <input value={id} maxLength={128} placeholder="made up" onInput={(event) => set_id(event.currentTarget.value)} />
          </label>
          <label>
            Feedback{' '}
            <select value={ack} onChange={(event) => set_ack(event.currentTarget.value)}>
              <option>none</option><option>positive</option><option>negative</option><option>full</option>
            </select>
          </label>
          <label>
            Expires after (s){' '}
            <input type="number" min={1} max={172800} value={life} placeholder="an hour"
              onInput={(event) => set_life(event.currentTarget.value)} />
          </label>
          <button type="submit">Send</button>
          <button type="button" class="plain" onClick={purge}>Purge the queue</button>
        </div>
      </form>
      <SentMessages device={device} />
    </section>
  );
}

const kShownBodyBytes = 1024;

function state_of({ state, lockedUntil }: WaitingMessage): string {
  if (state === 'enqueued') return 'enqueued';
  return lockedUntil === undefined ? 'invisible while connected' : `invisible until ${lockedUntil.slice(11, 19)}`;
}

function Waiting({ message }: { message: WaitingMessage }) {
  const { sequenceNumber, messageId, deliveryCount, enqueuedTime, expiryTime, ack, bytes, body, bodyBase64 } = message;
  const properties = Object.entries(message.properties);
  const shown = body ?? bodyBase64 ?? '';
  return (
    <li>
      <strong>{messageId ?? 'without an id'}</strong> <span class="quiet">#{sequenceNumber}</span>{' '}
      <span class={message.state === 'invisible' ? 'badge warn' : 'badge'}>{state_of(message)}</span>{' '}
      <span class="badge">deliveries {deliveryCount}</span>
      <div class="quiet">
        enqueued <time>{shown_time(enqueuedTime)}</time>, expires <time>{shown_time(expiryTime)}</time>, feedback {ack}
      </div>
      {properties.length > 0 && (
        <div class="properties">{properties.map(([name, value]) => <code key={name}>{name}={value}</code>)}</div>
      )}
      {bytes === 0 ? <span class="quiet">No body.</span> : (
        <details>
          <summary>
            Body, {bytes} bytes{bodyBase64 !== undefined && ', in base64'}
            {bytes > kShownBodyBytes && `, the first ${kShownBodyBytes} of them`}
          </summary>
          <pre tabIndex={0}>{shown}</pre>
        </details>
      )}
    </li>
  );
}

/** What waits for the device and what it has locked. A look only: nothing is received by it. */
export function C2dQueue({ device }: { device: string }) {
  const queue = useLoad(() => control.queue(device, kShownBodyBytes), [device]);
  useReloadOn(({ event, device: of }) =>
    (of === device && event.startsWith('c2d-')) || event === 'reset' || event === 'restored', queue.reload, [device]);
  return (
    <section aria-label="Queue">
      <h3>Queue <span class="badge">{queue.value?.length ?? '…'} of 50</span></h3>
      <Ready of={queue}>
        {(messages) => messages.length === 0 ? <p class="quiet">Empty.</p> : (
          <ol class="plain queue" tabIndex={0} aria-label="Messages in the queue">
            {messages.map((each) => <Waiting key={each.sequenceNumber} message={each} />)}
          </ol>
        )}
      </Ready>
    </section>
  );
}

const kFeedbackShown = 100;

/** Those of `before` that are not among the newer ones. */
function older(before: FeedbackRecord[], newer: FeedbackRecord[]): FeedbackRecord[] {
  const seen = newer.map((each) => JSON.stringify(each));
  return before.filter((each) => {
    const at = seen.indexOf(JSON.stringify(each));
    if (at >= 0) seen.splice(at, 1);
    return at < 0;
  });
}

/** Feedback of the whole hub: what waits for a service client when the screen opens, and each record that comes. */
export function FeedbackRecords({ device }: { device: string }) {
  const before = useLoad(() => control.feedback(kFeedbackShown), []);
  const [only, set_only] = useState(false);
  return (
    <section aria-label="Feedback">
      <h3>Feedback</h3>
      <p class="quiet">Of the hub, as it comes. Looking takes nothing from a service client that waits for it.</p>
      <label class="check">
        <input type="checkbox" checked={only} onChange={(event) => set_only(event.currentTarget.checked)} /> of this device only
      </label>
      <Ready of={before}>
        {(waiting) => {
          const records = [...feedback.value, ...older(waiting, feedback.value)].slice(0, kFeedbackShown)
            .filter(({ deviceId }) => !only || deviceId === device);
          if (records.length === 0) return <p class="quiet">None yet.</p>;
          return (
            <div class="wide-table queue" tabIndex={0} role="group" aria-label="Feedback records">
              <table>
                <thead>
                  <tr>{['Time', 'Message', 'Device', 'Status', 'Description'].map((each) => <th key={each} scope="col">{each}</th>)}</tr>
                </thead>
                <tbody aria-live="polite">
                  {records.map((record, index) => (
                    <tr key={records.length - index}>
                      <td><time>{record.enqueuedTimeUtc.slice(11, 19)}</time></td>
                      <td>{record.originalMessageId ?? <span class="quiet">without an id</span>}</td>
                      <td>{record.deviceId}</td>
                      <td>{record.statusCode}</td>
                      <td>{record.description}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          );
        }}
      </Ready>
    </section>
  );
}
