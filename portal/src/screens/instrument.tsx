import { useState } from 'preact/hooks';
import { control, type Clock, type NewFault, type ScenarioRun, type ScenarioStep } from '../api/control.ts';
import { Ready, useLoad, useReloadOn } from '../components/load.tsx';
import { attempt } from '../components/notice.tsx';
import { shown_time } from '../components/time.ts';

function ClockPanel() {
  const clock = useLoad(() => control.clock(), []);
  const [by, set_by] = useState('1h');
  const act = async (done: string, action: () => Promise<unknown>) => {
    if (await attempt(done, action)) clock.reload();
  };
  return (
    <section aria-label="Clock">
      <h2>Clock</h2>
      <p class="quiet">Time to live, locks, method time-outs, job starts and retention go by it.</p>
      <Ready of={clock}>
        {(value: Clock) => (
          <>
            <p>
              <strong><time>{value.time}</time></strong>{' '}
              {value.frozen ? <span class="badge warn">frozen</span> : <span class="badge">running</span>}{' '}
              {value.offsetSeconds !== 0 && <span class="quiet">{value.offsetSeconds} s from the real time</span>}
            </p>
            <div class="inline">
              {value.frozen
                ? <button type="button" onClick={() => act('Clock runs', () => control.resume_clock(false))}>Let it run</button>
                : <button type="button" onClick={() => act('Clock frozen', () => control.freeze_clock())}>Freeze</button>}
              <label>By <input value={by} size={6} onInput={(event) => set_by(event.currentTarget.value)} /></label>
              <button type="button" onClick={() => act(`Advanced by ${by}`, () => control.advance_clock(by))}>Advance</button>
              <button type="button" class="plain" onClick={() => act('Clock follows the real time', () => control.resume_clock(true))}>
                Back to the real time
              </button>
            </div>
          </>
        )}
      </Ready>
    </section>
  );
}

function SnapshotPanel() {
  const snapshots = useLoad(() => control.snapshots(), []);
  const [name, set_name] = useState('');
  const act = async (done: string, action: () => Promise<unknown>) => {
    if (await attempt(done, action)) snapshots.reload();
  };
  return (
    <section aria-label="Snapshots">
      <h2>Snapshots</h2>
      <form class="inline" onSubmit={(event) => {
        event.preventDefault();
        void act(`Snapshot ${name} saved`, () => control.save_snapshot(name));
      }}>
        <label>Name <input required value={name} onInput={(event) => set_name(event.currentTarget.value)} /></label>
        <button type="submit">Save</button>
      </form>
      <Ready of={snapshots}>
        {(value) => (
          <ul class="plain">
            {value.map((each) => (
              <li key={each.name}>
                <strong>{each.name}</strong>{' '}
                <button type="button" class="small" onClick={() => act('Restored', () => control.restore_snapshot(each.name))}>
                  Restore
                </button>{' '}
                <button type="button" class="small danger" onClick={() => act('Removed', () => control.remove_snapshot(each.name))}>
                  Remove
                </button>
              </li>
            ))}
            {value.length === 0 && <li class="quiet">None.</li>}
          </ul>
        )}
      </Ready>
    </section>
  );
}

function ResetPanel() {
  const reset = (links: 'keep' | 'drop') => () => {
    if (confirm('Remove every device, message and job of this hub?')) void attempt('The hub is empty', () => control.reset(links));
  };
  return (
    <section aria-label="Reset">
      <h2>Reset</h2>
      <div class="inline">
        <button type="button" class="danger plain" onClick={reset('drop')}>Empty the hub</button>
        <button type="button" class="danger plain" onClick={reset('keep')}>Empty it, keep connections</button>
      </div>
    </section>
  );
}

const kActions = ['status', 'delay', 'cut', 'drop', 'duplicate', 'throttle', 'refuse-connection'];
const kOperations = ['', 'connect', 'telemetry', 'twin', 'method', 'c2d'];
const kProtocols = ['', 'mqtt', 'amqp', 'http'];

function Choice({ label, value, of, on_change }: {
  label: string;
  value: string;
  of: string[];
  on_change: (value: string) => void;
}) {
  return (
    <label>
      {label}{' '}
      <select value={value} onChange={(event) => on_change(event.currentTarget.value)}>
        {of.map((each) => <option key={each} value={each}>{each === '' ? 'any' : each}</option>)}
      </select>
    </label>
  );
}

function FaultPanel() {
  const faults = useLoad(() => control.faults(), []);
  const [action, set_action] = useState('status');
  const [operation, set_operation] = useState('');
  const [protocol, set_protocol] = useState('');
  const [device, set_device] = useState('');
  const [status, set_status] = useState(503);
  const [delay, set_delay] = useState('500ms');
  const [count, set_count] = useState('');
  const add = async (event: Event) => {
    event.preventDefault();
    const fault: NewFault = { action };
    if (operation !== '') fault.operation = operation;
    if (protocol !== '') fault.protocol = protocol;
    if (device !== '') fault.device = device;
    if (action === 'status') fault.status = status;
    if (action === 'delay') fault.delay = delay;
    if (count !== '') fault.count = Number(count);
    if (await attempt('Fault added', () => control.add_fault(fault))) faults.reload();
  };
  const remove = async (id: number) => {
    if (await attempt('Fault removed', () => control.remove_fault(id))) faults.reload();
  };
  return (
    <section aria-label="Faults">
      <h2>Faults</h2>
      <form class="inline" onSubmit={add}>
        <Choice label="Action" value={action} of={kActions} on_change={set_action} />
        <Choice label="Operation" value={operation} of={kOperations} on_change={set_operation} />
        <Choice label="Protocol" value={protocol} of={kProtocols} on_change={set_protocol} />
        <label>Device <input value={device} placeholder="any" onInput={(event) => set_device(event.currentTarget.value)} /></label>
        {action === 'status' && (
          <label>
            Status{' '}
            <input type="number" min={400} max={599} value={status}
              onInput={(event) => set_status(event.currentTarget.valueAsNumber)} />
          </label>
        )}
        {action === 'delay' && (
          <label>Delay <input value={delay} size={6} onInput={(event) => set_delay(event.currentTarget.value)} /></label>
        )}
        <label>
          Times{' '}
          <input type="number" min={1} value={count} placeholder="always"
            onInput={(event) => set_count(event.currentTarget.value)} />
        </label>
        <button type="submit">Add</button>
      </form>
      <Ready of={faults}>
        {(value) => (
          <ul class="plain">
            {value.map(({ id, struck, ...rule }) => (
              <li key={id}>
                <code>{JSON.stringify(rule)}</code> <span class="quiet">struck {struck} times</span>{' '}
                <button type="button" class="small danger" onClick={() => void remove(id)}>Remove</button>
              </li>
            ))}
            {value.length === 0 && <li class="quiet">None.</li>}
          </ul>
        )}
      </Ready>
    </section>
  );
}

const kSteps = {
  waiting: 'badge', running: 'badge now', passed: 'badge good', failed: 'badge bad', skipped: 'badge',
} as const;

function Step({ step, place }: { step: ScenarioStep; place: number }) {
  return (
    <li>
      <span class="quiet">{place}</span> <span class={kSteps[step.state]}>{step.state}</span> <strong>{step.name}</strong>{' '}
      {(step.state === 'passed' || step.state === 'failed') && <span class="quiet">{step.seconds.toFixed(1)} s</span>}
      {step.does !== undefined && <div class="quiet"><code>{step.does}</code></div>}
      {step.failure !== undefined && <pre tabIndex={0} class="refused" aria-label="Failure">{step.failure}</pre>}
    </li>
  );
}

function Run({ run, newest }: { run: ScenarioRun; newest: boolean }) {
  const [open, set_open] = useState(newest);
  const done = run.steps.filter(({ state }) => state === 'passed' || state === 'failed').length;
  return (
    <li>
      <details open={open} onToggle={(event) => set_open(event.currentTarget.open)}>
        <summary>
          <span class={kSteps[run.state]}>{run.state}</span> <strong>{run.name}</strong>{' '}
          {done} of {run.steps.length} steps
          {run.state !== 'running' && `, ${run.seconds.toFixed(1)} s`}{' '}
          <span class="quiet">{run.file}, {run.state === 'running' && 'heard of at '}<time>{shown_time(run.heard)}</time></span>
        </summary>
        {open && (
          <ol class="plain steps" aria-label={`Steps of ${run.name}`}>
            {run.steps.map((step, index) => <Step key={index} step={step} place={index} />)}
          </ol>
        )}
      </details>
    </li>
  );
}

function ScenarioPanel() {
  const runs = useLoad(() => control.scenario_runs(), []);
  useReloadOn(({ event }) => event === 'scenario-run', runs.reload, []);
  return (
    <section aria-label="Scenarios">
      <h2>Scenarios</h2>
      <p class="quiet">The last runs of <code>iothub-emulator scenario run FILE --watch</code>, each on a hub of its own.</p>
      <Ready of={runs}>
        {(value) => (
          <ul class="plain" aria-label="Runs" aria-live="polite">
            {value.map((each, index) => <Run key={each.id} run={each} newest={index === 0} />)}
            {value.length === 0 && <li class="quiet">None.</li>}
          </ul>
        )}
      </Ready>
    </section>
  );
}

/** The hub as a test instrument. */
export function Instrument() {
  return (
    <section>
      <h1>Instrument</h1>
      <ClockPanel />
      <FaultPanel />
      <ScenarioPanel />
      <SnapshotPanel />
      <ResetPanel />
    </section>
  );
}
