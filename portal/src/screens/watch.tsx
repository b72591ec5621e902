import { listen, type HubEvent } from '../api/stream.ts';
import { Tail } from '../components/tail.tsx';

const summary = ({ detail }: HubEvent) => (detail === undefined ? '' : JSON.stringify(detail));

/** All that happens in the hub, as it happens. */
export function Watch() {
  return (
    <section class="watch">
      <h1>Watch</h1>
      <Tail<HubEvent> what="events" subscribe={listen} keys={[]} kind_of={({ event }) => event}>
        {(event) => (
          <>
            <time>{event.time?.slice(11, 23)}</time>
            <span class="badge">{event.event}</span>
            <strong>{event.device}{event.module === undefined ? '' : `/${event.module}`}</strong>
            <span class="rest">{summary(event)}</span>
          </>
        )}
      </Tail>
    </section>
  );
}
