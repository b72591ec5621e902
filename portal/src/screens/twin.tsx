import { useEffect, useState } from 'preact/hooks';
import { control } from '../api/control.ts';
import { service, type Json, type JsonObject, type Name, type Twin } from '../api/service.ts';
import { listen } from '../api/stream.ts';
import { Diff } from '../components/diff.tsx';
import { json_fault, JsonEditor } from '../components/json_editor.tsx';
import { Ready, useLoad } from '../components/load.tsx';
import { attempt } from '../components/notice.tsx';
import { shown_time } from '../components/time.ts';

const pretty = (value: unknown) => JSON.stringify(value, null, 2);

function without_metadata(section: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(section).filter(([name]) => name !== '$metadata' && name !== '$version'));
}

/** `$metadata` beside each leaf: when it was written. */
function Leaves({ section }: { section: JsonObject }) {
  const rows: { path: string; value: Json; updated: string }[] = [];
  const walk = (values: JsonObject, metadata: Json | undefined, path: string) => {
    const about = (metadata ?? {}) as JsonObject;
    for (const [name, value] of Object.entries(values)) {
      const here = path === '' ? name : `${path}.${name}`;
      const known = (about[name] ?? {}) as JsonObject;
      if (value !== null && typeof value === 'object' && !Array.isArray(value)) walk(value, known, here);
      else rows.push({ path: here, value, updated: String(known['$lastUpdated'] ?? '') });
    }
  };
  walk(without_metadata(section), section['$metadata'], '');
  if (rows.length === 0) return <p class="quiet">Empty.</p>;
  return (
    <table class="leaves">
      <thead>
        <tr><th scope="col">Property</th><th scope="col">Value</th><th scope="col">Updated</th></tr>
      </thead>
      <tbody>
        {rows.map(({ path, value, updated }) => (
          <tr key={path}>
            <th scope="row">{path}</th>
            <td><code>{JSON.stringify(value)}</code></td>
            <td><time>{shown_time(updated)}</time></td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

interface Version {
  seen: Date;
  twin: Twin;
}

const kVersionsKept = 100;

/** The versions of this twin that went by while the screen was open, newest first. */
function useHistory(twin: Twin | undefined): Version[] {
  const [versions, set_versions] = useState<Version[]>([]);
  useEffect(() => {
    if (twin === undefined) return;
    set_versions((before) =>
      before[0]?.twin.version === twin.version && before[0]?.twin.etag === twin.etag
        ? before
        : [{ seen: new Date(), twin }, ...before].slice(0, kVersionsKept));
  }, [twin]);
  return versions;
}

function Edit({ name, twin, reload }: { name: Name; twin: Twin; reload: () => void }) {
  const [draft, set_draft] = useState('{\n  "properties": {\n    "desired": {}\n  }\n}');
  const valid = json_fault(draft) === null;
  const write = (how: 'PATCH' | 'PUT') => async () => {
    const body = JSON.parse(draft) as JsonObject;
    const verb = how === 'PATCH' ? 'patched' : 'replaced';
    if (await attempt(`Twin ${verb}`, () => service.write_twin(how, name, body, twin.etag))) reload();
  };
  const load = () => set_draft(pretty({
    ...(twin.tags === undefined ? {} : { tags: twin.tags }),
    properties: { desired: without_metadata(twin.properties.desired) },
  }));
  return (
    <details>
      <summary>Edit tags and desired properties</summary>
      <p class="quiet">
        Written against etag <code>{twin.etag}</code>: when the twin has changed meanwhile, the hub refuses with 412.
      </p>
      <JsonEditor label="Patch, or the whole new twin" text={draft} on_change={set_draft} />
      <div class="actions">
        <button type="button" disabled={!valid} onClick={write('PATCH')}>Apply as patch</button>
        <button type="button" disabled={!valid} onClick={write('PUT')}>Replace</button>
        <button type="button" class="plain" onClick={load}>Load the current values</button>
      </div>
    </details>
  );
}

/** Each property without what the hub notes about it. */
function written(change: JsonObject): JsonObject {
  const { tags, properties } = change;
  const sections = Object.entries((properties ?? {}) as JsonObject)
    .map(([name, section]) => [name, without_metadata(section as JsonObject)]);
  return { ...(tags === undefined ? {} : { tags }), ...Object.fromEntries(sections) };
}

/** Changes that the event stream still holds, from before the versions that this screen has seen. */
function Earlier({ name, oldest }: { name: Name; oldest: number }) {
  const changes = useLoad(() => control.twin_changes(name), [name.device, name.module]);
  return (
    <Ready of={changes}>
      {(all) => {
        const earlier = all.filter(({ version }) => version <= oldest);
        if (earlier.length === 0) return <p class="quiet">The event stream holds no change from before.</p>;
        return (
          <>
            <h4>Written before</h4>
            <ol class="changes" aria-label="Earlier changes">
              {earlier.map(({ version, time, operation, change }, index) => (
                <li key={index}>
                  <span class="badge">{version}</span> <time>{shown_time(time)}</time>{' '}
                  {operation} <code>{JSON.stringify(written(change))}</code>
                </li>
              ))}
            </ol>
          </>
        );
      }}
    </Ready>
  );
}

function History({ name, versions }: { name: Name; versions: Version[] }) {
  const [open, set_open] = useState(false);
  const [chosen, choose] = useState(0);
  const after = versions[chosen];
  const before = versions[chosen + 1];
  return (
    <details onToggle={(event) => set_open(event.currentTarget.open)}>
      <summary>Versions since this screen was opened ({versions.length})</summary>
      <ol class="timeline">
        {versions.map((version, index) => (
          <li key={version.twin.version}>
            <button type="button" class="small" aria-pressed={index === chosen} onClick={() => choose(index)}>
              {version.twin.version}
            </button>{' '}
            <time>{version.seen.toLocaleTimeString()}</time>
          </li>
        ))}
      </ol>
      {after !== undefined && before !== undefined
        ? <Diff before={content(before.twin)} after={content(after.twin)} />
        : <p class="quiet">Nothing older to compare with.</p>}
      {open && <Earlier name={name} oldest={versions.at(-1)?.twin.version ?? 0} />}
    </details>
  );
}

function content(twin: Twin): Json {
  return {
    tags: twin.tags ?? {},
    desired: without_metadata(twin.properties.desired),
    reported: without_metadata(twin.properties.reported),
  };
}

export function TwinView({ name }: { name: Name }) {
  const twin = useLoad(() => service.twin(name), [name.device, name.module]);
  const versions = useHistory(twin.value);
  const [by_hand, set_by_hand] = useState(false);
  // A change anywhere shows here at once.
  useEffect(() => listen((events) => {
    if (by_hand) return;
    const about_it = events.some(({ event, device, module }) =>
      event === 'twin-updated' && device === name.device && module === name.module);
    if (about_it) twin.reload();
  }), [name.device, name.module, by_hand]);
  return (
    <Ready of={twin}>
      {(value) => (
        <div class="twin">
          <p>
            Version <strong>{value.version}</strong>, etag <code>{value.etag}</code>{' '}
            <label class="check">
              <input type="checkbox" checked={by_hand} onChange={(event) => set_by_hand(event.currentTarget.checked)} />
              {' '}hold this version
            </label>{' '}
            <button type="button" class="small" onClick={twin.reload}>Load again</button>
          </p>
          <div class="columns">
            {value.tags !== undefined && (
              <section aria-label="Tags"><h3>Tags</h3><pre>{pretty(value.tags)}</pre></section>
            )}
            <section aria-label="Desired properties">
              <h3>Desired <span class="badge">version {String(value.properties.desired['$version'])}</span></h3>
              <Leaves section={value.properties.desired} />
            </section>
            <section aria-label="Reported properties">
              <h3>Reported <span class="badge">version {String(value.properties.reported['$version'])}</span></h3>
              <Leaves section={value.properties.reported} />
            </section>
          </div>
          <Edit name={name} twin={value} reload={twin.reload} />
          <History name={name} versions={versions} />
        </div>
      )}
    </Ready>
  );
}
