import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

interface Props<T> {
  rows: readonly T[];
  row_height: number;
  label: string;
  row: (row: T, index: number) => ComponentChildren;
  key_of: (row: T, index: number) => string | number;
  /** Called when the last rows come into sight: there may be more to fetch. */
  on_end?: () => void;
  /** Keeps the newest row, which is the last, in sight. */
  stick_to_end?: boolean;
}

const kBeyond = 8;

/** Draws the rows in sight only, so that ten thousand cost as much as thirty. */
export function VirtualList<T>({ rows, row_height, label, row, key_of, on_end, stick_to_end = false }: Props<T>) {
  const box = useRef<HTMLDivElement>(null);
  const [top, set_top] = useState(0);
  const [height, set_height] = useState(600);

  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => set_height(element.clientHeight));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  useEffect(() => {
    if (stick_to_end && box.current !== null) box.current.scrollTop = box.current.scrollHeight;
  }, [rows.length, rows[rows.length - 1], stick_to_end]);

  const first = Math.max(0, Math.floor(top / row_height) - kBeyond);
  const last = Math.min(rows.length, Math.ceil((top + height) / row_height) + kBeyond);
  useEffect(() => {
    if (on_end !== undefined && last >= rows.length) on_end();
  }, [last, rows]);

  const shown = [];
  for (let index = first; index < last; ++index) {
    const each = rows[index] as T;
    shown.push(
      <div role="listitem" class="row" key={key_of(each, index)}
        aria-setsize={rows.length} aria-posinset={index + 1}
        style={{ top: `${index * row_height}px`, height: `${row_height}px` }}>
        {row(each, index)}
      </div>,
    );
  }
  return (
    <div class="virtual" ref={box} role="list" aria-label={label} tabIndex={0}
      onScroll={(event) => set_top(event.currentTarget.scrollTop)}>
      <div role="presentation" style={{ height: `${rows.length * row_height}px` }}>{shown}</div>
    </div>
  );
}
