/** `2026-11-29 12:00:00Z` */
export const shown_time = (iso: string) => iso.replace('T', ' ').replace(/\.\d+Z$/, 'Z');
