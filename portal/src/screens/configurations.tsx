import { useState } from 'preact/hooks';
import { service, type JsonObject } from '../api/service.ts';
import { json_fault, JsonEditor } from '../components/json_editor.tsx';
import { Ready, useLoad } from '../components/load.tsx';
import { attempt } from '../components/notice.tsx';

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

export function Configurations() {
  const all = useLoad(() => service.configurations(), []);
  const [text, set_text] = useState(kTemplate);
  const save = async () => {
    const body = JSON.parse(text) as JsonObject;
    const etag = typeof body['etag'] === 'string' ? body['etag'] : undefined;
    if (await attempt('Configuration saved', () => service.put_configuration(String(body['id']), body, etag))) all.reload();
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
                  <button type="button" class="small" onClick={() => set_text(JSON.stringify(each, null, 2))}>Edit</button>{' '}
                  <button type="button" class="small danger" onClick={() => void remove(String(each['id']))}>Delete</button>
                </li>
              );
            })}
            {value.length === 0 && <li class="quiet">None.</li>}
          </ul>
        )}
      </Ready>
      <JsonEditor label="Configuration" text={text} rows={16} on_change={set_text} />
      <button type="button" disabled={json_fault(text) !== null} onClick={() => void save()}>Save</button>
    </section>
  );
}
