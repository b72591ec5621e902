/** Azure IoT Hub for tests: README.md shows it at work. */

export interface HubOptions {
  /** Seed files, or seeds as objects, that it begins with. */
  seeds?: (string | object)[];
  /** A snapshot (Hub.save) that it begins with. */
  snapshot?: string;
}

/** A hub of its own, of the emulator that IOTHUB_CONTROL_URL names, else of one that this process starts once. */
export function startHub(options?: HubOptions): Promise<Hub>;

export interface EmulatorOptions {
  /** The program; else what IOTHUB_BINARY names, else `iothub-emulator` from PATH. */
  binary?: string;
  /** Further flags of `iothub-emulator serve`. */
  flags?: string[];
  /** An address; else one of the loopback that nobody uses. */
  listen?: string;
}

export class Emulator {
  private constructor();
  /** A process of its own, in memory. It ends with stop(), or with this process. */
  static start(options?: EmulatorOptions): Promise<Emulator>;
  /** One that runs: its control API's address. It is left running. */
  static running(url: string, options?: { token?: string; binary?: string }): Promise<Emulator>;
  readonly control: Control;
  readonly defaultHub: Hub;
  readonly caPem: string;
  readonly isOwn: boolean;
  newHub(options?: { name?: string; snapshot?: string; removed?: () => void }): Promise<Hub>;
  /** Variables by which programs trust its hubs. */
  trust(): Promise<Record<string, string>>;
  /** What an own process has logged. */
  log(): string;
  stop(): Promise<void>;
}

export interface Message {
  device: string;
  module?: string;
  source: string;
  /** The value where it is JSON, the text where it is UTF-8, else null. */
  body: unknown;
  /** The body's bytes. */
  data: Buffer;
  properties: Record<string, string>;
  systemProperties: Record<string, unknown>;
  annotations?: Record<string, unknown>;
  enqueuedTime: Date;
  partition: number;
  sequenceNumber: number;
  offset: string;
}

/** In the order of their arrival; `next` is the `since` of newer ones. */
export type Messages = Message[] & { next: string };

export interface Wanted {
  device?: string;
  module?: string;
  /** How many to wait for; 0: what is there now. [1] */
  count?: number;
  /** [10000] */
  timeoutMs?: number;
  /** Messages.next, Hub.now() or a time. */
  since?: string | Date;
  /** Telemetry unless given; `any` for all. */
  source?: string;
  /** The whole text. */
  body?: string;
  bodyContains?: string;
  /** By JSON pointer: `{'/temperature': 21.5}` */
  bodyValues?: Record<string, unknown>;
  properties?: Record<string, string>;
  systemProperties?: Record<string, string>;
}

export class Hub {
  private constructor();
  /** Its host name or address. */
  readonly name: string;
  readonly control: Control;
  readonly clock: Clock;
  readonly faults: Faults;
  /** Of a shared access policy [iothubowner], for service clients. */
  connectionString(policy?: string): string;
  /** Of a device or module that is there and has a key. */
  deviceConnectionString(device: string, module?: string): Promise<string>;
  readonly eventHubConnectionString: string;
  /** What a program needs in its environment to find and trust this hub. */
  environment(): Promise<Record<string, string>>;
  /** Applies seeds: files' names or objects. One that is refused changes nothing: ControlError. */
  seed(...seeds: (string | object)[]): Promise<void>;
  /** Makes a device, as a seed's (`tags`, `properties`), and gives its connection string. */
  addDevice(deviceId: string, members?: object): Promise<string>;
  /** As new; or only the twin, queue and events of one device. */
  reset(options?: { device?: string; links?: 'drop' | 'keep' }): Promise<void>;
  save(snapshot: string): Promise<void>;
  restore(snapshot: string): Promise<void>;
  /** Waits until `count` messages match, and gives all that do; MessagesMissing when they do not come in time. */
  messages(wanted?: Wanted): Promise<Messages>;
  /** A place in the stream of messages: `since` of what comes after it. */
  now(): Promise<string>;
  connections(): Promise<{ device: string; module?: string; protocol: string; address: string; since: string }[]>;
  /** What was refused, and why, newest first. */
  refusals(options?: { device?: string; limit?: number }): Promise<Record<string, unknown>[]>;
  /** Removes the hub; what speaks to it is closed. */
  stop(): Promise<void>;
}

/** Durations are text (`90s`, `2h`) or milliseconds. Each gives the hub's time. */
export interface Clock {
  time(): Promise<Date>;
  frozen(): Promise<boolean>;
  freeze(options?: { at?: Date | string; sasExpiry?: boolean }): Promise<Date>;
  advance(by: string | number, options?: { sasExpiry?: boolean }): Promise<Date>;
  set(to: Date | string, options?: { sasExpiry?: boolean }): Promise<Date>;
  resume(options?: { real?: boolean; sasExpiry?: boolean }): Promise<Date>;
}

export interface FaultRule {
  device?: string;
  operation?: string;
  protocol?: 'mqtt' | 'amqp' | 'http';
  status?: number;
  /** Text (`500ms`) or milliseconds. */
  delay?: string | number;
  probability?: number;
  count?: number;
}

export interface Fault {
  readonly id: number;
  /** How often it did; undefined once it is used up or removed. */
  struck(): Promise<number | undefined>;
  remove(): Promise<void>;
}

export interface Faults {
  add(
    action: 'refuse-connection' | 'cut' | 'drop' | 'duplicate' | 'throttle' | 'status' | 'delay',
    rule?: FaultRule,
  ): Promise<Fault>;
  clear(): Promise<void>;
}

/** The control API itself: docs/control.md. */
export interface Control {
  readonly url: string;
  get(path: string, query?: Record<string, unknown>): Promise<any>;
  post(path: string, body?: object | string, query?: Record<string, unknown>): Promise<any>;
  delete(path: string): Promise<any>;
}

export class ControlError extends Error {
  readonly status: number;
  readonly code?: number;
  readonly errorName?: string;
}

export class MessagesMissing extends Error {
  readonly came: Messages;
}
