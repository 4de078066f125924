import type uPlot from 'uplot'

import { type Unit, inOne, show } from '@/lib/figures'

/** A line as it is drawn. */
export interface DrawnLine {
  /** Any colour that the browser knows. */
  readonly color: string
  readonly label: string
}

/** How a chart looks, measured from the page around it. */
export interface Appearance {
  readonly font: string
  readonly text: string
  readonly grid: string
  readonly cursor: string
}

/** The least that the highest value on the axis is: a still server is no mountain range. */
const FLOOR: Record<Unit, number> = {
  perSecond: 2,
  count: 4,
  milliseconds: 2,
  bytes: 4 * 1024 * 1024,
  cores: 0.5,
}
/** Steps of the axis: whole things are not cut, and bytes come in powers of two. */
const STEPS: Partial<Record<Unit, number[]>> = {
  count: [1, 2, 5].flatMap((step) => powers(10, 9).map((power) => step * power)).sort(ascending),
  bytes: powers(2, 45),
}
/** The most pixels between two lines of the grid. */
const MOST_SPACE = 36
/** All charts of the page show the same time under the pointer. */
const SYNC = 'dashboard'

/** What uPlot is told of a chart. */
export function chartOptions(
  lines: readonly DrawnLine[],
  unit: Unit,
  appearance: Appearance,
  size: { readonly width: number; readonly height: number },
  window: () => readonly [from: number, until: number],
  onTime: (time: number | undefined) => void,
): uPlot.Options {
  const { cursor, font, grid, text } = appearance
  const axis: uPlot.Axis = {
    stroke: text,
    font,
    grid: { stroke: grid, width: 1 },
    ticks: { show: false },
  }
  const steps = STEPS[unit]
  return {
    ...size,
    legend: { show: false },
    padding: [8, 4, 0, 0],
    scales: {
      x: { time: true, range: () => [...window()] },
      y: { range: (_, __, highest) => [0, Math.max(FLOOR[unit], (highest || 0) * 1.08)] },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 22,
        space: 72,
        values: (_, times) => times.map((time) => clockTime(time, window())),
      },
      {
        ...axis,
        size: 52,
        gap: 6,
        // A low chart still says how high it is.
        space: (_, __, ___, ____, height) => Math.min(MOST_SPACE, height / 3),
        ...(steps && { incrs: steps }),
        values: (_, values) => values.map((value) => onAxis(value, unit)),
      },
    ],
    series: [{}, ...lines.map((line, index) => drawn(line, index === 0 && lines.length < 3))],
    cursor: {
      y: false,
      drag: { x: false, y: false },
      points: { size: 6, width: 0, fill: (plot, line) => strokeOf(plot, line) },
      sync: { key: SYNC, setSeries: false },
    },
    hooks: {
      setCursor: [
        ({ cursor: { idx, left = -1 }, data: [times] }) => {
          onTime(left < 0 || idx === null || idx === undefined ? undefined : times[idx])
        },
      ],
      ready: [
        ({ over }) => {
          over.style.setProperty('--cursor', cursor)
        },
      ],
    },
  }
}

function drawn({ color, label }: DrawnLine, filled: boolean): uPlot.Series {
  return {
    label,
    stroke: color,
    width: 1.5,
    // The tokens of the theme are all written as oklch(…).
    ...(filled && { fill: color.replace(/\)$/, ' / 0.1)') }),
    points: {
      show: false,
      size: 4,
      fill: color,
      // A value with nothing beside it is no line, but still has to be seen.
      filter: (plot, line) => lone(plot.data[line] ?? []),
    },
  }
}

/** The places of the values that have neither a value before nor behind them. */
export function lone(values: ArrayLike<number | null | undefined>): number[] {
  const places: number[] = []
  for (let place = 0; place < values.length; place += 1) {
    const isThere = (at: number) => values[at] !== null && values[at] !== undefined
    if (isThere(place) && !isThere(place - 1) && !isThere(place + 1)) places.push(place)
  }
  return places
}

function strokeOf(plot: uPlot, line: number): string {
  const stroke = plot.series[line]?.stroke
  const told: unknown = typeof stroke === 'function' ? stroke(plot, line) : stroke
  return typeof told === 'string' ? told : 'currentColor'
}

/** A time as the axis writes it: with seconds where the axis is short. */
function clockTime(time: number, [from, until]: readonly [number, number]): string {
  return new Date(time * 1_000).toLocaleTimeString(undefined, {
    hour: '2-digit',
    minute: '2-digit',
    ...(until - from < 120 && { second: '2-digit' }),
  })
}

/** The title says what is counted a second; the axis does not repeat it. */
function onAxis(value: number, unit: Unit): string {
  return unit === 'bytes' || unit === 'milliseconds' ? inOne(value, unit) : show(value, unit).digits
}

function powers(base: number, count: number): number[] {
  return Array.from({ length: count }, (_, exponent) => base ** exponent)
}

function ascending(a: number, b: number): number {
  return a - b
}
