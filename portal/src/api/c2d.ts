/** What the page remembers of cloud-to-device messages: those it has sent, and feedback that came while it was open. */
import { signal } from '@preact/signals';
import { control, type FeedbackRecord } from './control.ts';
import { listen, live, type HubEvent } from './stream.ts';

/** A state that a message came to, and when. */
interface Reached {
  state: string;
  time: string;
}

export interface Sent {
  device: string;
  sequence: number;
  message_id: string;
  /** Oldest first; the last is where it is now. */
  trail: Reached[];
  /** Nothing more will become of it. */
  over: boolean;
}

const kSentKept = 50;
const kTrailKept = 30;
/** Events of messages whose sending is not answered yet: what a device takes at once is told before. */
const kEventsKept = 500;
const kFeedbackKept = 100;

/** Where an event leaves its message, in the words of the documentation's life cycle. */
const kStates: Record<string, { state: string; over?: true }> = {
  'c2d-enqueued': { state: 'enqueued' },
  'c2d-delivered': { state: 'invisible' },
  'c2d-abandoned': { state: 'enqueued again, abandoned' },
  'c2d-lock-lost': { state: 'enqueued again, lock lost' },
  'c2d-completed': { state: 'completed', over: true },
  'c2d-rejected': { state: 'dead-lettered, rejected', over: true },
  'c2d-expired': { state: 'dead-lettered, expired', over: true },
  'c2d-delivery-count-exceeded': { state: 'dead-lettered, delivered too often', over: true },
  'c2d-purged': { state: 'purged', over: true },
};

/** Newest first, of all devices. */
export const sent = signal<Sent[]>([]);

/** Newest first. */
export const feedback = signal<FeedbackRecord[]>([]);

let recent: HubEvent[] = [];

function moved(message: Sent, state: string, time: string, over = false): Sent {
  return { ...message, trail: [...message.trail, { state, time }].slice(-kTrailKept), over };
}

function after(message: Sent, { event, time = '', device, module, detail }: HubEvent): Sent {
  if (message.over) return message;
  if (event === 'reset' && (device === undefined || device === message.device)) return moved(message, 'gone, by a reset', time, true);
  if (event === 'restored') return moved(message, 'gone, by a snapshot', time, true);
  if (device !== message.device || module !== undefined) return message;
  if (event === 'identity-deleted') return moved(message, 'gone with its device', time, true);
  const known = kStates[event];
  if (known === undefined || detail?.['sequenceNumber'] !== message.sequence) return message;
  return moved(message, known.state, time, known.over);
}

/** Of messages that this page has just sent: what became of each is seen from now on. */
export function follow_sent(device: string, sequence: number, message_id: string): void {
  const about_it = ({ event, device: of, module, detail }: HubEvent) =>
    event in kStates && of === device && module === undefined && detail?.['sequenceNumber'] === sequence;
  // A number comes again when its device was removed and made again.
  const told = recent.filter(about_it);
  const begin = told.map(({ event }) => event).lastIndexOf('c2d-enqueued');
  const unseen: Sent = { device, sequence, message_id, trail: [], over: false };
  const message = begin < 0 ? unseen : told.slice(begin).reduce(after, unseen);
  sent.value = [message, ...sent.value].slice(0, kSentKept);
}

/** Events were missed: the queue says what is still there. */
async function look_again(): Promise<void> {
  const devices = new Set(sent.value.filter(({ over }) => !over).map(({ device }) => device));
  for (const device of devices) {
    const queue = await control.queue(device, 0).catch(() => []);
    const time = new Date().toISOString();
    sent.value = sent.value.map((message) => {
      if (message.over || message.device !== device) return message;
      const there = queue.find(({ sequenceNumber }) => sequenceNumber === message.sequence);
      if (there === undefined) return moved(message, 'left the queue while events were missed', time, true);
      return there.state === message.trail.at(-1)?.state ? message : moved(message, there.state, time);
    });
  }
}

listen((events) => {
  recent = [...recent, ...events.filter(({ event }) => event in kStates)].slice(-kEventsKept);
  if (sent.value.some(({ over }) => !over)) {
    const next = sent.value.map((message) => events.reduce(after, message));
    if (next.some((message, index) => message !== sent.value[index])) sent.value = next;
  }
  if (events.some(({ event }) => event === 'gap' || event === 'rolled-back')) void look_again();
  const records = events.filter(({ event }) => event === 'feedback').map(({ detail }) => detail as unknown as FeedbackRecord);
  if (records.length > 0) feedback.value = [...records.reverse(), ...feedback.value].slice(0, kFeedbackKept);
});

live.subscribe((life) => {
  if (life === 'open') void look_again();
});
