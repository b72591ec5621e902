import type { Clause } from '../api/control.ts';

/** What a part of a condition came to, in the words of conditions. */
const came_to = ({ type, value }: Clause) => (type === 'undefined' ? 'undefined' : JSON.stringify(value));

/** A condition and its parts, each with what it came to: where it is false one sees why. */
export function ClauseTree({ clause }: { clause: Clause }) {
  const verdict = clause.value === true ? 'holds' : clause.type === 'boolean' || clause.type === 'undefined' ? 'fails' : 'fact';
  return (
    <ul class="clauses">
      <li>
        <code>{clause.clause}</code> <span class={`verdict ${verdict}`}>{came_to(clause)}</span>
        {(clause.operands ?? []).map((each, index) => <ClauseTree key={index} clause={each} />)}
      </li>
    </ul>
  );
}
