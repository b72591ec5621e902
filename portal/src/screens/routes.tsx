import { useState } from 'preact/hooks';
import { control, type RouteExplained, type RoutesExplained } from '../api/control.ts';
import type { JsonObject } from '../api/service.ts';
import { ClauseTree } from '../components/clause.tsx';
import { json_fault, JsonEditor } from '../components/json_editor.tsx';
import { Ready, useLoad } from '../components/load.tsx';
import { attempt, text_of } from '../components/notice.tsx';

const kMessage = JSON.stringify({ body: { temperature: 60 }, appProperties: { level: 'critical' } }, null, 2);
const kSources = ['DeviceMessages', 'TwinChangeEvents', 'DigitalTwinChangeEvents', 'DeviceLifecycleEvents', 'DeviceConnectionStateEvents'];

function why_not(route: RouteExplained): string {
  if (!route.isEnabled) return 'it is disabled';
  if (!route.takesSource) return `it is for ${route.source}`;
  if (route.needed === false) return 'another route takes it';
  return 'its condition does not hold';
}

function Verdict({ name, route }: { name: string; route: RouteExplained }) {
  return (
    <li>
      <strong>{name}</strong>{' '}
      {route.taken
        ? <span class="verdict holds">takes it to {route.endpointNames.join(', ')}</span>
        : <span class="verdict fails">does not take it: {why_not(route)}</span>}
      {route.takesSource && <ClauseTree clause={route.condition} />}
    </li>
  );
}

function Explanation({ explained }: { explained: RoutesExplained }) {
  const { endpoints, routes, fallbackRoute } = explained;
  return (
    <section aria-label="Explanation">
      <h2>{endpoints.length === 0 ? 'The message is dropped' : `The message goes to ${endpoints.join(', ')}`}</h2>
      <ul class="plain">
        {routes.map((route) => <Verdict key={route.name} name={route.name} route={route} />)}
        <Verdict name="The fallback route" route={fallbackRoute} />
      </ul>
    </section>
  );
}

function Editor({ routing, saved }: { routing: JsonObject; saved: () => void }) {
  const [text, set_text] = useState(() => JSON.stringify(routing, null, 2));
  const [message, set_message] = useState(kMessage);
  const [source, set_source] = useState('DeviceMessages');
  const [device, set_device] = useState('');
  const [explained, set_explained] = useState<RoutesExplained>();
  const [fault, set_fault] = useState<string>();
  const readable = json_fault(text) === null && json_fault(message) === null;
  const try_out = async (event: Event) => {
    event.preventDefault();
    try {
      const asked = { routing: JSON.parse(text) as JsonObject, message: JSON.parse(message) as JsonObject, source };
      set_explained(await control.explain_route(device === '' ? asked : { ...asked, device }));
      set_fault(undefined);
    } catch (refused) {
      set_explained(undefined);
      set_fault(text_of(refused));
    }
  };
  const apply = async () => {
    if (await attempt('The hub routes by them', () => control.put_routing(JSON.parse(text) as JsonObject))) saved();
  };
  return (
    <>
      <form onSubmit={try_out}>
        <div class="columns">
          <section aria-label="Routing">
            <JsonEditor label="Routes, as a routes file has them" text={text} rows={14} on_change={set_text} />
          </section>
          <section aria-label="Sample">
            <JsonEditor label="Sample message" text={message} rows={10} on_change={set_message} />
            <div class="inline">
              <label>
                Source{' '}
                <select value={source} onChange={(event) => set_source(event.currentTarget.value)}>
                  {kSources.map((each) => <option key={each}>{each}</option>)}
                </select>
              </label>
              <label>
                Sender, for <code>$twin</code>{' '}
                <input value={device} placeholder="none" onInput={(event) => set_device(event.currentTarget.value)} />
              </label>
            </div>
          </section>
        </div>
        <div class="inline">
          <button type="submit" disabled={!readable}>Try</button>
          <button type="button" class="plain" disabled={!readable} onClick={() => void apply()}>Route by them</button>
        </div>
      </form>
      {fault !== undefined && <p class="refused" role="alert">{fault}</p>}
      {explained !== undefined && <Explanation explained={explained} />}
    </>
  );
}

/** Message routing: written, tried with a sample, and put in force. */
export function Routes() {
  const routing = useLoad(() => control.routing(), []);
  return (
    <section>
      <h1>Routes</h1>
      <p class="quiet">A sample message is tried against the routes as they stand here; nothing is sent.</p>
      <Ready of={routing}>
        {(value) => (
          <>
            {value.isDefault && <p class="quiet">The hub has none of its own: these do what it does.</p>}
            <Editor routing={value.routing} saved={routing.reload} />
          </>
        )}
      </Ready>
    </section>
  );
}
