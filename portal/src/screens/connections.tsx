import { useCallback, useEffect, useState } from 'preact/hooks';
import { control } from '../api/control.ts';
import { follow_protocol, type Packet, type WireRow, type WireSubject } from '../api/protocol.ts';
import type { Life } from '../api/server_sent.ts';
import { listen } from '../api/stream.ts';
import { Ready, useLoad } from '../components/load.tsx';
import { text_of } from '../components/notice.tsx';
import { Tail } from '../components/tail.tsx';
import { link } from '../router.ts';

/** Who is connected now, and the way to what each says. */
export function Connections() {
  const all = useLoad(() => control.connections(), []);
  useEffect(() => listen((events) => {
    if (events.some(({ event }) => event === 'connected' || event === 'disconnected')) all.reload();
  }), []);
  return (
    <section>
      <h1>Connections</h1>
      <Ready of={all}>
        {({ connections, clients }) => (
          <>
            <section aria-label="Devices">
              <h2>Devices and modules</h2>
              <table>
                <thead>
                  <tr><th scope="col">Who</th><th scope="col">Protocol</th><th scope="col">From</th><th scope="col">Since</th><th scope="col">Look</th></tr>
                </thead>
                <tbody>
                  {connections.map((each) => {
                    const name = each.module === undefined ? each.device : `${each.device}/${each.module}`;
                    return (
                      <tr key={name}>
                        <th scope="row">{name}</th>
                        <td>{each.protocol}</td>
                        <td>{each.address}</td>
                        <td><time>{each.since.slice(11, 19)}</time></td>
                        <td><a href={link('connections', each.connection)} aria-label={`Protocol of ${name}`}>{each.connection}</a></td>
                      </tr>
                    );
                  })}
                </tbody>
              </table>
              {connections.length === 0 && <p class="quiet">No device is connected.</p>}
            </section>
            <section aria-label="Clients">
              <h2>Service and Event Hubs clients, by AMQP</h2>
              <ul class="plain">
                {clients.map((each) => (
                  <li key={each.connection}>
                    <a href={link('connections', each.connection)} aria-label={`Protocol of ${each.connection}`}>{each.connection}</a>{' '}
                    {each.protocol} from {each.address}
                  </li>
                ))}
                {clients.length === 0 && <li class="quiet">None.</li>}
              </ul>
            </section>
          </>
        )}
      </Ready>
    </section>
  );
}

function body_text(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value === null || typeof value !== 'object') return '';
  const { text, hex } = value as { text?: string; hex?: string };
  return text ?? hex ?? '';
}

/** What a person looks for first: where to, and with what. */
export function summary({ fields }: Packet): string {
  const { topic, link: address, message, payload, role, source, target, ...rest } = fields as {
    topic?: string;
    link?: string;
    message?: { body?: unknown; value?: unknown; 'application-properties'?: unknown };
    payload?: unknown;
    role?: string;
    source?: { address?: string };
    target?: { address?: string };
  };
  const place = topic ?? address ?? (source === undefined && target === undefined ? undefined
    : `${role}: ${source?.address ?? '-'} ⇒ ${target?.address ?? '-'}`);
  const value = message?.value ?? undefined;
  const said = value !== undefined ? JSON.stringify(value) : body_text(message?.body ?? payload);
  const properties = message?.['application-properties'];
  const rest_text = JSON.stringify(properties ?? rest);
  return [place, said, said === '' || properties !== undefined ? rest_text : '']
    .filter((part) => part !== undefined && part !== '' && part !== '{}').join('  ');
}

function Row({ row }: { row: WireRow }) {
  switch (row.kind) {
    case 'packet':
      return (
        <>
          <time>{row.packet.time.slice(11, 23)}</time>
          <span class="wire">
            <span class={`arrow ${row.packet.direction}`} aria-label={row.packet.direction} role="img">
              {row.packet.direction === 'received' ? '→' : '←'}
            </span>
            <strong>{row.packet.packet}</strong>
            <span class="quiet">{row.packet.bytes}</span>
            <span class="rest">{summary(row.packet)}</span>
          </span>
          <span class="hub" />
        </>
      );
    case 'hub':
      return (
        <>
          <time>{row.event.time?.slice(11, 23)}</time>
          <span class="wire" />
          <span class="hub">
            <span class="badge">{row.event.event}</span>
            <span class="rest">{row.event.detail === undefined ? '' : JSON.stringify(row.event.detail)}</span>
          </span>
        </>
      );
    case 'ended':
      return (
        <>
          <time>{row.ended.time.slice(11, 23)}</time>
          <span class="wire"><strong>end of {row.ended.connection}</strong></span>
          <span class="hub"><span class="rest">{row.ended.reason}</span></span>
        </>
      );
    case 'gap':
      return <span class="refused">{row.dropped} rows were missed: the page reads too slowly</span>;
  }
}

const kLives = { opening: 'connecting', open: 'live', lost: 'connection lost', ended: 'ended' } as const;

/** The packets of a connection, or of a device's, at the left, what the hub did at the right. */
export function ProtocolView({ subject }: { subject: WireSubject }) {
  const [life, set_life] = useState<Life | 'ended'>('opening');
  const [refused, set_refused] = useState<string>();
  const key = JSON.stringify(subject);
  const subscribe = useCallback(
    (take: (rows: WireRow[]) => void) => follow_protocol(subject, take, (now, why) => {
      set_life(now);
      set_refused(why === undefined ? undefined : text_of(why));
    }),
    [key]);
  const title = 'connection' in subject ? `Connection ${subject.connection}`
    : `Connections of ${subject.device}${subject.module === undefined ? '' : `/${subject.module}`}`;
  return (
    <section class="protocol">
      <nav class="trail" aria-label="Trail"><a href={link('connections')}>Connections</a></nav>
      <h1>{title}</h1>
      <p class="quiet">
        <span class={life === 'open' ? 'state on' : 'state'} role="status">{kLives[life]}</span>{' '}
        → received, ← sent by the hub, with bytes; at the right what the hub did. Passwords and tokens are cut out.
      </p>
      {refused !== undefined && <p class="refused" role="alert">{refused}</p>}
      <Tail<WireRow> what="packets" subscribe={subscribe} keys={[key]}
        kind_of={(row) => (row.kind === 'packet' ? row.packet.packet : row.kind === 'hub' ? row.event.event : row.kind)}>
        {(row) => <Row row={row} />}
      </Tail>
    </section>
  );
}
