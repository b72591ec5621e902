import { useEffect } from 'preact/hooks';
import { control } from '../api/control.ts';
import { service, type Identity, type Name } from '../api/service.ts';
import { listen } from '../api/stream.ts';
import { Pasteable } from '../components/copy.tsx';
import { Ready, useLoad } from '../components/load.tsx';
import { attempt } from '../components/notice.tsx';
import { go, link } from '../router.ts';
import { MethodForm } from './act.tsx';
import { C2dQueue, CloudToDevice, FeedbackRecords } from './c2d.tsx';
import { NewIdentity } from './devices.tsx';
import { TwinView } from './twin.tsx';

function Credentials({ identity, name }: { identity: Identity; name: Name }) {
  const text = useLoad(() => control.connection_string(name), [name.device, name.module, identity.etag]);
  const keys = identity.authentication.symmetricKey;
  return (
    <section aria-label="Credentials">
      <h3>Credentials</h3>
      {identity.authentication.type === 'sas' && keys.primaryKey !== null && keys.secondaryKey !== null
        ? (
          <>
            <Ready of={text}>
              {(value) => <Pasteable name="Connection string" text={value} secret />}
            </Ready>
            <Pasteable name="Primary key" text={keys.primaryKey} secret />
            <Pasteable name="Secondary key" text={keys.secondaryKey} secret />
          </>
        )
        : <p class="quiet">Authenticates by {identity.authentication.type}.</p>}
    </section>
  );
}

function Modules({ device }: { device: string }) {
  const modules = useLoad(() => service.modules(device), [device]);
  return (
    <section aria-label="Modules">
      <h3>Modules</h3>
      <NewIdentity what="module" create={async (id, body) => {
        await service.put_identity({ device, module: id }, { deviceId: device, moduleId: id, ...body });
        modules.reload();
      }} />
      <Ready of={modules}>
        {(value) => (
          <ul class="plain">
            {value.map((module) => (
              <li key={module.moduleId}>
                <a href={link('devices', device, 'modules', module.moduleId ?? '')}>{module.moduleId}</a>{' '}
                <span class={module.connectionState === 'Connected' ? 'state on' : 'state'}>{module.connectionState}</span>
              </li>
            ))}
            {value.length === 0 && <li class="quiet">None.</li>}
          </ul>
        )}
      </Ready>
    </section>
  );
}

function Head({ identity, name, reload }: { identity: Identity; name: Name; reload: () => void }) {
  const disabled = identity.status === 'disabled';
  const toggle = async () => {
    const body = { ...identity, status: disabled ? 'enabled' : 'disabled' } as never;
    if (await attempt(disabled ? 'Enabled' : 'Disabled', () => service.put_identity(name, body, identity.etag))) reload();
  };
  const remove = async () => {
    if (!confirm(`Delete ${name.module ?? name.device}?`)) return;
    const removed = await attempt('Deleted', () => service.remove_identity(name));
    if (!removed) return;
    if (name.module === undefined) go('devices');
    else go('devices', name.device);
  };
  return (
    <p>
      <span class={identity.connectionState === 'Connected' ? 'state on' : 'state'}>{identity.connectionState}</span>{' '}
      {disabled && <span class="badge warn">disabled</span>}{' '}
      <span class="quiet">generation {identity.generationId}, last activity {identity.lastActivityTime}</span>{' '}
      {name.module === undefined && (
        <button type="button" class="small" onClick={toggle}>{disabled ? 'Enable' : 'Disable'}</button>
      )}{' '}
      <button type="button" class="small danger" onClick={remove}>Delete</button>{' '}
      <a href={link('connections', 'of', name.device, ...(name.module === undefined ? [] : [name.module]))}>Protocol</a>
    </p>
  );
}

/** A device or a module: what it is, and what a person can do with it. */
export function IdentityScreen({ name }: { name: Name }) {
  const identity = useLoad(() => service.identity(name), [name.device, name.module]);
  useEffect(() => listen((events) => {
    const about_it = events.some(({ event, device, module }) =>
      device === name.device && module === name.module && (event === 'connected' || event === 'disconnected'));
    if (about_it) identity.reload();
  }), [name.device, name.module]);
  return (
    <section>
      <nav class="trail" aria-label="Trail">
        <a href={link('devices')}>Devices</a>
        {name.module !== undefined && <> / <a href={link('devices', name.device)}>{name.device}</a></>}
      </nav>
      <h1>{name.module ?? name.device}</h1>
      <Ready of={identity}>
        {(value) => (
          <>
            <Head identity={value} name={name} reload={identity.reload} />
            <Credentials identity={value} name={name} />
            {name.module === undefined && <Modules device={name.device} />}
            <h2>Twin</h2>
            <TwinView name={name} />
            <h2>Act</h2>
            <div class="columns">
              <MethodForm name={name} />
              {name.module === undefined && <CloudToDevice device={name.device} />}
            </div>
            {name.module === undefined && (
              <div class="columns">
                <C2dQueue device={name.device} />
                <FeedbackRecords device={name.device} />
              </div>
            )}
          </>
        )}
      </Ready>
    </section>
  );
}
