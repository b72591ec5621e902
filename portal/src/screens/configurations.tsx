import { useState } from 'preact/hooks';
import { control, type ConfigurationTarget, type ConfigurationTried } from '../api/control.ts';
import { service, type JsonObject } from '../api/service.ts';
import { json_fault, JsonEditor } from '../components/json_editor.tsx';
import { Ready, useLoad } from '../components/load.tsx';
import { attempt, text_of } from '../components/notice.tsx';
import { link } from '../router.ts';

const kTemplate = JSON.stringify(
  {
    id: 'winter',
    content: { deviceContent: { 'properties.desired.heating': { level: 2 } } },
    targetCondition: "tags.building = '43'",
    priority: 10,
  },
  null,
  2,
);

function Target({ target, id }: { target: ConfigurationTarget; id: string }) {
  const { device, module, ranks, applies, overruled, reason } = target;
  const of_module = module === undefined ? [] : ['modules', module];
  return (
    <tr>
      <th scope="row"><a href={link('devices', device, ...of_module)}>{module === undefined ? device : `${device}/${module}`}</a></th>
      <td>
        <ol class="ranks">
          {ranks.map((each) => (
            <li key={each.id}>{each.id === id ? <strong>{each.id}</strong> : each.id} ({each.priority})</li>
          ))}
        </ol>
      </td>
      <td>
        <span class={`verdict ${applies ? 'holds' : 'fails'}`}>{applies ? 'written' : 'not written'}</span>
        {reason !== undefined && <> {reason}</>}
        {overruled.map(({ path, by }) => (
          <div key={path}>{path === '*' ? 'all' : <code>{path}</code>} is {by}'s</div>
        ))}
      </td>
    </tr>
  );
}

function Tried({ tried, id }: { tried: ConfigurationTried; id: string }) {
  if (!tried.valid) {
    return (
      <section aria-label="Dry run">
        <p class="refused" role="alert">{tried.message} ({tried.code}){tried.reason !== undefined && `: ${tried.reason}`}</p>
      </section>
    );
  }
  const { matched, targets, complete, keepsContent, query, family } = tried;
  return (
    <section aria-label="Dry run">
      <h2>It would hold for {matched}{complete ? '' : ' or more'} {family === 'module' ? 'modules' : 'devices'}</h2>
      {query !== '' && <p class="quiet"><code>{query}</code></p>}
      {keepsContent && <p class="quiet">A configuration of this id is there: its content stays as it is, whatever is written here.</p>}
      {targets.length > 0 && (
        <table>
          <thead>
            <tr><th scope="col">Twin</th><th scope="col">What holds for it, the strongest first</th><th scope="col">This one</th></tr>
          </thead>
          <tbody>
            {targets.map((target) => <Target key={`${target.device}/${target.module ?? ''}`} target={target} id={id} />)}
          </tbody>
        </table>
      )}
      {targets.length < matched && <p class="quiet">The first {targets.length} are shown.</p>}
    </section>
  );
}

export function Configurations() {
  const all = useLoad(() => service.configurations(), []);
  const [text, set_text] = useState(kTemplate);
  const [tried, set_tried] = useState<{ id: string; of: ConfigurationTried }>();
  const [fault, set_fault] = useState<string>();
  const change = (value: string) => {
    set_text(value);
    set_tried(undefined);  // it was said of another text
  };
  const save = async () => {
    const body = JSON.parse(text) as JsonObject;
    const etag = typeof body['etag'] === 'string' ? body['etag'] : undefined;
    if (await attempt('Configuration saved', () => service.put_configuration(String(body['id']), body, etag))) all.reload();
  };
  const try_out = async () => {
    try {
      const body = JSON.parse(text) as JsonObject;
      set_tried({ id: String(body['id']), of: await control.explain_configuration(body) });
      set_fault(undefined);
    } catch (refused) {
      set_tried(undefined);
      set_fault(text_of(refused));
    }
  };
  const remove = async (id: string) => {
    if (confirm(`Delete ${id}?`) && (await attempt('Deleted', () => service.remove_configuration(id)))) all.reload();
  };
  return (
    <section>
      <h1>Configurations</h1>
      <Ready of={all}>
        {(value) => (
          <ul class="plain">
            {value.map((each) => {
              const metrics = (each['systemMetrics'] as JsonObject | undefined)?.['results'] as JsonObject | undefined;
              return (
                <li key={String(each['id'])}>
                  <strong>{String(each['id'])}</strong> priority {String(each['priority'])},{' '}
                  <code>{String(each['targetCondition'])}</code>{' '}
                  <span class="quiet">
                    targeted {String(metrics?.['targetedCount'] ?? 0)}, applied {String(metrics?.['appliedCount'] ?? 0)}
                  </span>{' '}
                  <button type="button" class="small" onClick={() => change(JSON.stringify(each, null, 2))}>Edit</button>{' '}
                  <button type="button" class="small danger" onClick={() => void remove(String(each['id']))}>Delete</button>
                </li>
              );
            })}
            {value.length === 0 && <li class="quiet">None.</li>}
          </ul>
        )}
      </Ready>
      <JsonEditor label="Configuration" text={text} rows={16} on_change={change} />
      <div class="inline">
        <button type="button" disabled={json_fault(text) !== null} onClick={() => void try_out()}>Dry run</button>
        <button type="button" class="plain" disabled={json_fault(text) !== null} onClick={() => void save()}>Save</button>
      </div>
      {fault !== undefined && <p class="refused" role="alert">{fault}</p>}
      {tried !== undefined && <Tried tried={tried.of} id={tried.id} />}
    </section>
  );
}
