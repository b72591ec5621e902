import { useEffect, useRef, useState } from 'preact/hooks';
import { control, type ConnectionStrings, type Refusal } from '../api/control.ts';
import { service } from '../api/service.ts';
import { listen } from '../api/stream.ts';
import { Chart } from '../components/chart.tsx';
import { Pasteable } from '../components/copy.tsx';
import { Ready, useLoad } from '../components/load.tsx';
import { link } from '../router.ts';

const kSecondsShown = 120;
const kRefusalsShown = 8;

interface Figures {
  times: number[];
  messages: number[];
  connections: (number | null)[];
  methods: (number | null)[];
}

const whole_seconds = () => Math.floor(Date.now() / 1000);

/** Messages a second, who is connected, and the mean latency of the methods that were answered in it. */
function useFigures(connections: number | undefined): Figures {
  const connected = useRef<number | null>(null);
  connected.current = connections ?? null;
  const [figures, set_figures] = useState<Figures>(() => {
    const now = whole_seconds();
    const times = Array.from({ length: kSecondsShown }, (_, index) => now - kSecondsShown + 1 + index);
    return { times, messages: times.map(() => 0), connections: times.map(() => null), methods: times.map(() => null) };
  });
  useEffect(() => {
    let messages = 0;
    let latencies: number[] = [];
    const stop = listen((events) => {
      for (const { event, detail } of events) {
        if (event === 'telemetry') ++messages;
        const latency = detail?.['milliseconds'];
        if (event === 'method-answered' && typeof latency === 'number') latencies.push(latency);
      }
    });
    const timer = setInterval(() => {
      const mean = latencies.length === 0 ? null : latencies.reduce((a, b) => a + b) / latencies.length;
      const counted = messages;
      messages = 0;
      latencies = [];
      set_figures((before) => ({
        times: [...before.times.slice(1), whole_seconds()],
        messages: [...before.messages.slice(1), counted],
        connections: [...before.connections.slice(1), connected.current],
        methods: [...before.methods.slice(1), mean],
      }));
    }, 1000);
    return () => {
      stop();
      clearInterval(timer);
    };
  }, []);
  return figures;
}

function Strings({ strings }: { strings: ConnectionStrings }) {
  return (
    <section aria-label="Connection strings">
      <h2>Connection strings</h2>
      {Object.entries(strings.policies).map(([policy, text]) => <Pasteable key={policy} name={policy} text={text} secret />)}
      <Pasteable name="Event Hubs readers" text={strings.eventHub} secret />
    </section>
  );
}

const kPorts: Record<string, string> = {
  https: 'HTTPS; MQTT and AMQP over WebSocket',
  mqtts: 'MQTT over TLS',
  amqps: 'AMQP over TLS',
  amqp: 'AMQP without TLS, for Event Hubs readers',
  portal: 'this page and the control API',
};

function PortTable({ ports }: { ports: Record<string, number> }) {
  return (
    <section aria-label="Ports">
      <h2>Ports</h2>
      <table>
        <tbody>
          {Object.entries(ports).map(([name, port]) => (
            <tr key={name}><th scope="row">{port}</th><td>{kPorts[name] ?? name}</td></tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** What makes each SDK trust the hub's certificate; `iothub-emulator env` prints the same for a shell. */
function Trust() {
  const ca = `${location.origin}/_emulator/ca.pem`;
  return (
    <section aria-label="Trust">
      <h2>Trust</h2>
      <p>
        Every SDK checks the hub's certificate. The simplest: run your program under the emulator, or take its variables
        into your shell.
      </p>
      <Pasteable name="Run a program" text="iothub-emulator exec -- python app.py" />
      <Pasteable name="Into this shell" text={'eval "$(iothub-emulator env)"'} />
      <Pasteable name="PowerShell" text="iothub-emulator env --format powershell | Invoke-Expression" />
      <Pasteable name="The CA itself" text={`curl -s ${ca} -o ca.pem`} />
      <Pasteable name="Node" text="export NODE_EXTRA_CA_CERTS=$PWD/ca.pem" />
      <Pasteable name="Python" text="export SSL_CERT_FILE=$PWD/ca.pem REQUESTS_CA_BUNDLE=$PWD/ca.pem" />
      <Pasteable name="Java" text="iothub-emulator exec -- java -jar app.jar" />
      <Pasteable name="C, C#, the system" text="sudo cp ca.pem /usr/local/share/ca-certificates/iothub.crt && sudo update-ca-certificates" />
    </section>
  );
}

function Refusals() {
  const refusals = useLoad(() => control.refusals(kRefusalsShown), []);
  useEffect(() => listen((events) => {
    if (events.some(({ event }) => event === 'refused')) refusals.reload();
  }), []);
  const row = (refusal: Refusal) => (
    <li key={refusal.time + refusal.operation}>
      <time>{refusal.time.slice(11, 19)}</time> <strong>{refusal.who ?? refusal.protocol}</strong> {refusal.operation}:{' '}
      <span class="refused">{refusal.reason}</span>
      {refusal.hint !== undefined && <div class="quiet">{refusal.hint}</div>}
    </li>
  );
  return (
    <section aria-label="Refusals">
      <h2>Latest refusals</h2>
      <Ready of={refusals}>
        {(value) => <ul class="plain">{value.map(row)}{value.length === 0 && <li class="quiet">None.</li>}</ul>}
      </Ready>
    </section>
  );
}

export function Overview() {
  const strings = useLoad(() => control.connection_strings(), []);
  const counts = useLoad(
    async () => ({
      version: (await control.version()).version,
      devices: (await service.statistics()).totalDeviceCount,
      connections: (await control.connections()).connections.length,
    }),
    [],
  );
  const figures = useFigures(counts.value?.connections);
  useEffect(() => listen((events) => {
    if (events.some(({ event }) => /^(connected|disconnected|identity-)/.test(event))) counts.reload();
  }), []);
  return (
    <section>
      <h1>Overview</h1>
      <Ready of={counts}>
        {(value) => (
          <div class="cards">
            <div><a href={link('devices')}>Devices</a> <strong>{value.devices}</strong></div>
            <div><a href={link('connections')}>Connections</a> <strong>{value.connections}</strong></div>
            <div>Messages in the last second <strong>{figures.messages[kSecondsShown - 1]}</strong></div>
            <div>Version <strong>{value.version}</strong></div>
          </div>
        )}
      </Ready>
      <div class="columns">
        <section aria-label="Messages">
          <Chart title="Messages" unit="a second" times={figures.times} series={[{ name: 'received', values: figures.messages }]} />
        </section>
        <section aria-label="Connected">
          <Chart title="Connections" unit="now" times={figures.times}
            series={[{ name: 'connected', values: figures.connections }]} />
        </section>
        <section aria-label="Method latency">
          <Chart title="Direct methods" unit="ms, mean" times={figures.times} series={[{ name: 'answered', values: figures.methods }]} />
        </section>
      </div>
      <Ready of={strings}>{(value) => <><Strings strings={value} /><PortTable ports={value.ports} /></>}</Ready>
      <Trust />
      <Refusals />
    </section>
  );
}
