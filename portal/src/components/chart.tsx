import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

interface Props {
  title: string;
  /** Seconds since 1970, ascending. */
  times: number[];
  series: { name: string; values: (number | null)[] }[];
  unit: string;
}

const kHeight = 150;

/** `15:04:30` */
const clock_time = (seconds: number) => new Date(seconds * 1000).toTimeString().slice(0, 8);

/** As the theme has it: of the property itself one could only read how it depends on the theme. */
function colour(name: string, element: HTMLElement): string {
  element.style.color = `var(${name})`;
  const { color } = getComputedStyle(element);
  element.style.color = '';
  return color;
}

/** A line for each series over time. */
export function Chart({ title, times, series, unit }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const axis = { stroke: colour('--quiet', element), grid: { stroke: colour('--line', element), width: 1 } };
    plot.current = new uPlot(
      {
        title: `${title} (${unit})`,
        width: element.clientWidth || 300,
        height: kHeight,
        cursor: { show: false },
        legend: { show: false },
        series: [
          {},
          ...series.map(({ name }, index) => ({ label: name, stroke: colour(`--series-${index + 1}`, element), width: 2 })),
        ],
        axes: [{ ...axis, space: 70, size: 30, values: (_, seconds) => seconds.map(clock_time) }, { ...axis, size: 48 }],
        scales: { y: { range: (_, __, high) => [0, Math.max(1, high * 1.1)] } },
      },
      [times, ...series.map((each) => each.values)] as uPlot.AlignedData,
      element,
    );
    const observer = new ResizeObserver(() =>
      plot.current?.setSize({ width: element.clientWidth, height: kHeight }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, []);
  useEffect(() => {
    plot.current?.setData([times, ...series.map((each) => each.values)] as uPlot.AlignedData);
  }, [times, series]);
  return <div class="chart" ref={box} role="img" aria-label={`${title}, ${unit}`} />;
}
