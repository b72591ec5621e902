import { useEffect, useState } from 'preact/hooks';
import { control, type NewSimulation, type Simulation } from '../api/control.ts';
import { Ready, useLoad } from '../components/load.tsx';
import { attempt } from '../components/notice.tsx';
import { link } from '../router.ts';

const kTemplate = `telemetry:
  body: {temperature: {$walk: {start: 20, step: 0.5, min: 10, max: 30}}, at: {$time: iso}}
reported: {values: {firmware: "1.0"}}
methods:
  reboot: {status: 200, payload: {accepted: true}}
`;
const kLookMilliseconds = 1000;

function Form({ started }: { started: () => void }) {
  const [prefix, set_prefix] = useState('simulated');
  const [devices, set_devices] = useState(3);
  const [rate, set_rate] = useState(1);
  const [duration, set_duration] = useState('');
  const [template, set_template] = useState(kTemplate);
  const start = async (event: Event) => {
    event.preventDefault();
    const what: NewSimulation = { prefix, devices, rate, template };
    if (duration !== '') what.duration = duration;
    if (await attempt(`${devices} devices are on their way`, () => control.start_simulation(what))) started();
  };
  return (
    <section aria-label="Start devices">
      <h2>Start devices</h2>
      <form onSubmit={start}>
        <div class="inline">
          <label>Prefix <input required value={prefix} onInput={(event) => set_prefix(event.currentTarget.value)} /></label>
          <label>
            Devices{' '}
            <input type="number" required min={1} max={1000} value={devices}
              onInput={(event) => set_devices(event.currentTarget.valueAsNumber)} />
          </label>
          <label>
            Messages a second, of all{' '}
            <input type="number" required min={0.001} max={10000} step="any" value={rate}
              onInput={(event) => set_rate(event.currentTarget.valueAsNumber)} />
          </label>
          <label>
            For{' '}
            <input value={duration} size={8} placeholder="ever; 60s"
              onInput={(event) => set_duration(event.currentTarget.value)} />
          </label>
        </div>
        <label>
          Template, as YAML{' '}
          <textarea rows={8} spellcheck={false} value={template}
            onInput={(event) => set_template(event.currentTarget.value)} />
        </label>
        <p><button type="submit">Start</button></p>
      </form>
    </section>
  );
}

function Row({ simulation, remove }: { simulation: Simulation; remove: () => void }) {
  const { id, prefix, devices, state, failure } = simulation;
  const said = state === 'ended' ? 'Forget' : 'Stop';
  return (
    <tr>
      <th scope="row"><a href={link('devices', `${prefix}-1`)}>{prefix}-1</a>{devices > 1 && ` … ${devices}`}</th>
      <td>
        <span class={state === 'running' ? 'state on' : 'state'}>{state}</span>
        {failure !== undefined && <span class="refused"> {failure}</span>}
      </td>
      <td>{simulation.connected}</td>
      <td>{simulation.sent}</td>
      <td>{simulation.acknowledged}</td>
      <td>{simulation.methods}</td>
      <td>{simulation.messages}</td>
      <td>{simulation.refused + simulation.lost}</td>
      <td>
        {state !== 'stopping' && (
          <button type="button" class="small danger" aria-label={`${said} simulation ${id}`} onClick={remove}>{said}</button>
        )}
      </td>
    </tr>
  );
}

/** Devices that are none: real connections from inside the emulator. */
export function Simulate() {
  const all = useLoad(() => control.simulations(), []);
  useEffect(() => {
    const timer = setInterval(all.reload, kLookMilliseconds);
    return () => clearInterval(timer);
  }, []);
  const remove = async (id: number) => {
    if (await attempt('Stopped', () => control.remove_simulation(id))) all.reload();
  };
  return (
    <section>
      <h1>Simulate</h1>
      <p class="quiet">
        Each is a real MQTT connection with TLS. Devices that are missing are made; they stay when the simulation ends.
      </p>
      <section aria-label="Simulations">
        <h2>Simulations</h2>
        <Ready of={all}>
          {(value) => value.length === 0 ? <p class="quiet">None.</p> : (
            <div class="wide-table" tabIndex={0} role="group" aria-label="Figures">
              <table>
                <thead>
                  <tr>
                    {['Devices', 'State', 'Connected', 'Sent', 'Acknowledged', 'Methods', 'C2D', 'Refused or lost', 'Stop']
                      .map((each) => <th key={each} scope="col">{each}</th>)}
                  </tr>
                </thead>
                <tbody>
                  {value.map((each) => <Row key={each.id} simulation={each} remove={() => void remove(each.id)} />)}
                </tbody>
              </table>
            </div>
          )}
        </Ready>
      </section>
      <Form started={all.reload} />
    </section>
  );
}
