import type { Json } from '../api/service.ts';

export interface Change {
  path: string;
  before: Json | undefined;
  after: Json | undefined;
}

const is_object = (value: Json | undefined): value is { [name: string]: Json } =>
  value !== null && typeof value === 'object' && !Array.isArray(value);

/** The leaves in which two documents differ, in the order of the names. */
export function changes(before: Json | undefined, after: Json | undefined, path = ''): Change[] {
  if (is_object(before) && is_object(after)) {
    const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
    return names.flatMap((name) => changes(before[name], after[name], path === '' ? name : `${path}.${name}`));
  }
  return JSON.stringify(before) === JSON.stringify(after) ? [] : [{ path, before, after }];
}

const shown = (value: Json | undefined) => (value === undefined ? '—' : JSON.stringify(value));

export function Diff({ before, after }: { before: Json | undefined; after: Json | undefined }) {
  const found = changes(before, after);
  if (found.length === 0) return <p class="quiet">No difference.</p>;
  return (
    <table class="diff">
      <thead>
        <tr><th scope="col">Path</th><th scope="col">Before</th><th scope="col">After</th></tr>
      </thead>
      <tbody>
        {found.map((change) => (
          <tr key={change.path}>
            <th scope="row">{change.path}</th>
            <td><del>{shown(change.before)}</del></td>
            <td><ins>{shown(change.after)}</ins></td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
