import { useEffect, useRef, useState } from 'preact/hooks';
import { needsToken, useToken } from './api/http.ts';
import { live } from './api/stream.ts';
import { Notice } from './components/notice.tsx';
import { link, place } from './router.ts';
import { Configurations } from './screens/configurations.tsx';
import { Connections, ProtocolView } from './screens/connections.tsx';
import { IdentityScreen } from './screens/device.tsx';
import { Devices } from './screens/devices.tsx';
import { Instrument } from './screens/instrument.tsx';
import { Overview } from './screens/overview.tsx';
import { Query } from './screens/query.tsx';
import { Routes } from './screens/routes.tsx';
import { Simulate } from './screens/simulate.tsx';
import { Watch } from './screens/watch.tsx';

const kScreens = [
  ['overview', 'Overview'],
  ['devices', 'Devices'],
  ['connections', 'Connections'],
  ['query', 'Query'],
  ['configurations', 'Configurations'],
  ['routes', 'Routes'],
  ['simulate', 'Simulate'],
  ['watch', 'Watch'],
  ['instrument', 'Instrument'],
] as const;

function Screen() {
  const [screen = 'overview', device, kind, module] = place.value;
  switch (screen) {
    case 'overview':
      return <Overview />;
    case 'devices':
      if (device === undefined) return <Devices />;
      return <IdentityScreen key={place.value.join('/')} name={{ device, module: kind === 'modules' ? module : undefined }} />;
    case 'connections':
      if (device === undefined) return <Connections />;
      if (device !== 'of' || kind === undefined) return <ProtocolView key={device} subject={{ connection: device }} />;
      return <ProtocolView key={place.value.join('/')} subject={{ device: kind, module }} />;
    case 'query':
      return <Query />;
    case 'configurations':
      return <Configurations />;
    case 'routes':
      return <Routes />;
    case 'simulate':
      return <Simulate />;
    case 'watch':
      return <Watch />;
    case 'instrument':
      return <Instrument />;
    default:
      return <p class="refused">There is no such screen.</p>;
  }
}

function TokenForm() {
  const [typed, set_typed] = useState('');
  return (
    <form class="gate" onSubmit={(event) => {
      event.preventDefault();
      useToken(typed);
    }}>
      <label>
        This emulator wants its control token (<code>--control-token</code>){' '}
        <input type="password" required autocomplete="off" value={typed}
          onInput={(event) => set_typed(event.currentTarget.value)} />
      </label>
      <button type="submit">Go on</button>
    </form>
  );
}

type Theme = 'system' | 'light' | 'dark';
const kThemeKey = 'iothub-emulator-theme';

function ThemeChoice() {
  const [theme, set_theme] = useState((localStorage.getItem(kThemeKey) ?? 'system') as Theme);
  useEffect(() => {
    localStorage.setItem(kThemeKey, theme);
    if (theme === 'system') delete document.documentElement.dataset['theme'];
    else document.documentElement.dataset['theme'] = theme;
  }, [theme]);
  return (
    <label class="theme">
      Theme{' '}
      <select value={theme} onChange={(event) => set_theme(event.currentTarget.value as Theme)}>
        <option>system</option><option>light</option><option>dark</option>
      </select>
    </label>
  );
}

export function App() {
  const main = useRef<HTMLElement>(null);
  const current = place.value[0] ?? 'overview';
  // Whoever works by keyboard or hears the page is taken to what a link opened.
  const first = useRef(true);
  useEffect(() => {
    if (!first.current) main.current?.focus();
    first.current = false;
  }, [place.value]);
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => {
        event.preventDefault();
        main.current?.focus();
      }}>Skip to content</a>
      <header>
        <strong class="brand">IoT Hub emulator</strong>
        <nav aria-label="Screens">
          {kScreens.map(([screen, title]) => (
            <a key={screen} href={link(screen)} aria-current={screen === current ? 'page' : undefined}>{title}</a>
          ))}
        </nav>
        <span class={live.value === 'open' ? 'state on' : 'state'} role="status">
          {live.value === 'open' ? 'live' : live.value === 'opening' ? 'connecting' : 'connection lost'}
        </span>
        <ThemeChoice />
      </header>
      <main id="main" ref={main} tabIndex={-1}>
        <Notice />
        {needsToken.value ? <TokenForm /> : <Screen />}
      </main>
    </>
  );
}
