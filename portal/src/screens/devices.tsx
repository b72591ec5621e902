import { useEffect, useRef, useState } from 'preact/hooks';
import { service, type Json, type JsonObject } from '../api/service.ts';
import { listen } from '../api/stream.ts';
import { attempt, text_of } from '../components/notice.tsx';
import { VirtualList } from '../components/virtual_list.tsx';
import { link } from '../router.ts';

const kPage = 200;

/** A search as a query: a whole SELECT is taken as it is, a WHERE clause too, anything else is part of an id. */
export function query_of(search: string): string {
  const text = search.trim();
  if (/^select\b/i.test(text)) return text;
  const where = /^where\b/i.test(text)
    ? ` ${text}`
    : text === '' ? '' : ` WHERE CONTAINS(deviceId, '${text.replaceAll("'", "''")}')`;
  return `SELECT * FROM devices${where}`;
}

interface Row {
  deviceId: string;
  status?: string;
  connectionState?: string;
  capabilities?: { iotEdge?: boolean };
}

/** Devices by page, fetched as they come into sight. */
function useDevices(query: string) {
  const [rows, set_rows] = useState<Row[]>([]);
  const [fault, set_fault] = useState<string>();
  const [turn, set_turn] = useState(0);
  const more = useRef<string | null>(null);
  const busy = useRef(false);
  const current = useRef(0);

  const fetch = async (mark: number, known: Row[], continuation: string | null) => {
    busy.current = true;
    try {
      const page = await service.query<Row>(query, kPage, continuation);
      if (mark !== current.current) return;
      more.current = page.continuation;
      set_rows([...known, ...page.rows]);
      set_fault(undefined);
    } catch (refused) {
      if (mark === current.current) set_fault(text_of(refused));
    } finally {
      if (mark === current.current) busy.current = false;
    }
  };
  useEffect(() => {
    more.current = null;
    void fetch(++current.current, [], null);
  }, [query, turn]);
  // The list shows connection states as they change.
  useEffect(() => listen((events) => {
    const states = new Map<string, string>();
    for (const { event, device, module } of events) {
      if (device === undefined || module !== undefined) continue;
      if (event === 'connected') states.set(device, 'Connected');
      if (event === 'disconnected') states.set(device, 'Disconnected');
    }
    if (states.size === 0) return;
    set_rows((before) => before.map((row) => {
      const state = states.get(row.deviceId);
      return state === undefined ? row : { ...row, connectionState: state };
    }));
  }), []);
  return {
    rows,
    fault,
    complete: more.current === null,
    fetch_more: () => {
      if (more.current !== null && !busy.current) void fetch(current.current, rows, more.current);
    },
    reload: () => set_turn((before) => before + 1),
  };
}

export function NewIdentity({ what, create }: {
  what: string;
  create: (id: string, body: JsonObject) => Promise<void>;
}) {
  const [id, set_id] = useState('');
  const [authentication, set_authentication] = useState('sas');
  const submit = async (event: Event) => {
    event.preventDefault();
    const body: { [name: string]: Json } = { authentication: { type: authentication } };
    if (await attempt(`${what} ${id} created`, () => create(id, body))) set_id('');
  };
  return (
    <form class="inline" onSubmit={submit}>
      <label>
        New {what} <input value={id} required maxLength={128} onInput={(event) => set_id(event.currentTarget.value)} />
      </label>
      <label>
        Authentication{' '}
        <select value={authentication} onChange={(event) => set_authentication(event.currentTarget.value)}>
          <option value="sas">symmetric keys</option>
          <option value="certificateAuthority">X.509, by a CA</option>
        </select>
      </label>
      <button type="submit">Create</button>
    </form>
  );
}

export function Devices() {
  const [typed, set_typed] = useState('');
  const [search, set_search] = useState('');
  const devices = useDevices(query_of(search));
  return (
    <section>
      <h1>Devices</h1>
      <NewIdentity what="device" create={async (id, body) => {
        await service.put_identity({ device: id }, { deviceId: id, ...body });
        devices.reload();
      }} />
      <form class="inline" role="search" onSubmit={(event) => {
        event.preventDefault();
        set_search(typed);
        devices.reload();
      }}>
        <label class="wide">
          Part of an id, or a WHERE clause{' '}
          <input type="search" value={typed} placeholder="WHERE tags.floor = 2"
            onInput={(event) => set_typed(event.currentTarget.value)} />
        </label>
        <button type="submit">Search</button>
      </form>
      {devices.fault !== undefined && <p class="refused" role="alert">{devices.fault}</p>}
      <p class="quiet" role="status">{devices.rows.length}{devices.complete ? '' : '+'} devices</p>
      <VirtualList rows={devices.rows} row_height={36} label="Devices" key_of={(row) => row.deviceId}
        on_end={devices.fetch_more}
        row={(row) => (
          <>
            <a href={link('devices', row.deviceId)}>{row.deviceId}</a>
            {row.capabilities?.iotEdge === true && <span class="badge">edge</span>}
            {row.status === 'disabled' && <span class="badge warn">disabled</span>}
            <span class={row.connectionState === 'Connected' ? 'state on' : 'state'}>{row.connectionState}</span>
          </>
        )} />
    </section>
  );
}

