const kMilliseconds = 50;
/** A tab in the background waits longer for its timers: what has come until then must not pile up. */
const kMostPending = 5000;

/** One call a frame, however many came: a page must stay responsive at thousands a second. */
export function in_batches<T>(take: (all: T[]) => void): (each: T) => void {
  let pending: T[] = [];
  let scheduled = false;
  const flush = () => {
    const all = pending;
    pending = [];
    if (all.length > 0) take(all);
  };
  return (each) => {
    pending.push(each);
    if (pending.length >= kMostPending) return flush();
    if (scheduled) return;
    scheduled = true;
    setTimeout(() => {
      scheduled = false;
      flush();
    }, kMilliseconds);
  };
}
