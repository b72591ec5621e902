/** Where the page is: `#/devices/thermostat/modules/pump` as its decoded segments. Ids are encoded, so any id works. */
import { signal } from '@preact/signals';

function segments(hash: string): string[] {
  return hash.replace(/^#\/?/, '').split('/').filter(Boolean).map(decodeURIComponent);
}

export const place = signal<string[]>(segments(location.hash));

window.addEventListener('hashchange', () => (place.value = segments(location.hash)));

export function link(...parts: string[]): string {
  return '#/' + parts.map(encodeURIComponent).join('/');
}

export function go(...parts: string[]): void {
  location.hash = link(...parts);
}
