import type { MetricsColumns, MetricsSample } from '@/types/metrics'

/** How long the figures are kept, in seconds. */
export const KEPT_SECONDS = 900
/** So many rows more than that, and the oldest are let go together. */
const SLACK = 60
/** Seconds between two rows from which on something is missing between them. */
const GAP_SECONDS = 2.5

export const PLAIN = [
  'requestsPerSecond',
  'errorsPerSecond',
  'tokensPerSecond',
  'inputTokensPerSecond',
  'people',
  'sockets',
  'readers',
  'runs',
  'jobs',
  'resumes',
  'takeOvers',
  'readersDropped',
  'framesDropped',
  'rateLimited',
  'upstreamErrors',
  'heldBytes',
  'rowsPerCommit',
  'memoryBytes',
  'cpu',
] as const
export const TIMINGS = ['latency', 'firstToken', 'commit', 'bell'] as const
export const QUANTILES = ['p50', 'p95', 'p99'] as const

/** Plain figures that count what happened in a second; the others tell how things stood. */
const EVENTS: ReadonlySet<Figure> = new Set([
  'resumes',
  'takeOvers',
  'readersDropped',
  'framesDropped',
  'rateLimited',
  'upstreamErrors',
])

export type Timing = (typeof TIMINGS)[number]
/** One number a second: a plain figure, or a quantile of a timing, such as `latency.p95`. */
export type Figure = (typeof PLAIN)[number] | `${Timing}.${(typeof QUANTILES)[number]}`

export const FIGURES: readonly Figure[] = [
  ...PLAIN,
  ...TIMINGS.flatMap((timing) => QUANTILES.map((quantile) => `${timing}.${quantile}` as const)),
]

/** The values of a figure, one a second. Null: nothing of the kind was measured then. */
export type Column = (number | null)[]

/**
 * Figures over time, oldest first: columns as the chart draws them, which grow in place. They hold
 * {@link KEPT_SECONDS} and a little more.
 */
export interface Series {
  /** When each second ended, in seconds since the epoch. */
  readonly at: number[]
  readonly columns: Readonly<Record<Figure, Column>>
}

/** A series without a row. */
export function emptySeries(): Series {
  return withColumns([], () => [])
}

/** The series that the server tells of at once. */
export function seriesOf(at: readonly string[], told: MetricsColumns): Series {
  return withColumns(at.map(seconds), (figure) => {
    const timing = timingOf(figure)
    return timing ? [...told[timing.of][timing.quantile]] : [...told[figure as Plain]]
  })
}

/** Appends a second; one that is there already changes nothing. A row without values marks what is missing before it. */
export function append(series: Series, at: string, sample: MetricsSample): void {
  const time = seconds(at)
  const last = series.at.at(-1)
  if (last !== undefined && time <= last) return
  if (last !== undefined && time - last > GAP_SECONDS) push(series, last + 1, () => null)
  push(series, time, (figure) => valueOf(sample, figure))
  trim(series)
}

/** `older`, then everything of `newer`: where both know a second, `newer` counts. */
export function joined(older: Series, newer: Series): Series {
  const [first] = newer.at
  if (first === undefined) return older
  const end = firstFrom(older, first)
  if (end === 0) return newer
  const before = older.at[end - 1] ?? first
  const gap = first - before > GAP_SECONDS
  const series = withColumns(
    [...older.at.slice(0, end), ...(gap ? [before + 1] : []), ...newer.at],
    (figure) => [
      ...older.columns[figure].slice(0, end),
      ...(gap ? [null] : []),
      ...newer.columns[figure],
    ],
  )
  trim(series)
  return series
}

/** The value of a figure in one second's sample. */
export function valueOf(sample: MetricsSample, figure: Figure): number | null {
  const timing = timingOf(figure)
  const value = timing ? sample[timing.of]?.[timing.quantile] : sample[figure as Plain]
  return value ?? null
}

/** The end of the newest second, if there is one. */
export function newestTime(series: Series): number | undefined {
  return series.at.at(-1)
}

/** The newest value of a figure that was measured within so many seconds. */
export function newest(series: Series, figure: Figure, within: number): number | undefined {
  const until = newestTime(series)
  if (until === undefined) return undefined
  const column = series.columns[figure]
  for (let row = series.at.length - 1; row >= 0; row -= 1) {
    if ((series.at[row] ?? 0) <= until - within) return undefined
    const value = column[row]
    if (value !== null && value !== undefined) return value
  }
  return undefined
}

/** What a figure was over a time. Quantiles have no mean: only all that was measured together would have one. */
export interface Summary {
  readonly highest: number
  readonly mean: number | undefined
  readonly sum: number
}

/** What a figure was from `from` to before `until`; undefined when it was not measured then. */
export function summary(
  series: Series,
  figure: Figure,
  from: number,
  until = Infinity,
): Summary | undefined {
  const column = series.columns[figure]
  let count = 0
  let sum = 0
  let highest = -Infinity
  for (let row = firstFrom(series, from); row < series.at.length; row += 1) {
    if ((series.at[row] ?? Infinity) >= until) break
    const value = column[row]
    if (value === null || value === undefined) continue
    count += 1
    sum += value
    highest = Math.max(highest, value)
  }
  if (count === 0) return undefined
  return { highest, mean: timingOf(figure) ? undefined : sum / count, sum }
}

/** A part of the time, and what each figure was in it. */
export interface Slice {
  /** Its begin and end, in seconds since the epoch. */
  readonly from: number
  readonly until: number
  /** The sum of what is counted by the second, the highest of a quantile, the mean of everything else. */
  readonly values: readonly (number | undefined)[]
}

/**
 * The slice of `width` seconds that is number `index` from the newest, which is 0; undefined before the first row.
 * Slices begin at whole multiples of their width, so that each stays what it is while time goes on.
 */
export function slice(
  series: Series,
  figures: readonly Figure[],
  width: number,
  index: number,
): Slice | undefined {
  const newestRow = newestTime(series)
  const [oldest] = series.at
  if (newestRow === undefined || oldest === undefined) return undefined
  const until = (Math.floor(newestRow / width) + 1 - index) * width
  const from = until - width
  if (until <= oldest) return undefined
  const values = figures.map((figure) => {
    const told = summary(series, figure, from, until)
    return EVENTS.has(figure) ? told?.sum : (told?.mean ?? told?.highest)
  })
  return { from, until, values }
}

/** What each point of a chart stands for. */
export interface Points {
  /** When each slice ended; the newest one has gone only as far as the newest second. */
  readonly at: number[]
  /** One for each figure, in their order. */
  readonly columns: Column[]
}

/** The last `span` seconds in slices of `width` seconds, oldest first: less to draw, and easier to read. */
export function points(
  series: Series,
  figures: readonly Figure[],
  span: number,
  width: number,
): Points {
  const at: number[] = []
  const columns: Column[] = figures.map(() => [])
  const until = newestTime(series)
  if (until === undefined) return { at, columns }
  let index = Math.ceil(span / width)
  for (; index >= 0; index -= 1) {
    const told = slice(series, figures, width, index)
    if (!told) continue
    at.push(Math.min(told.until, until))
    told.values.forEach((value, place) => columns[place]?.push(value ?? null))
  }
  return { at, columns }
}

/** The value of the point that stands at a time, among those that {@link points} gives. */
export function pointAt(
  series: Series,
  figure: Figure,
  width: number,
  time: number,
): number | undefined {
  const until = newestTime(series)
  if (until === undefined) return undefined
  const end = (Math.floor(until / width) + 1) * width
  return slice(series, [figure], width, Math.floor((end - time) / width))?.values[0]
}

type Plain = (typeof PLAIN)[number]

/** The first row at or after a time; the number of rows when there is none. */
function firstFrom({ at }: Series, time: number): number {
  let low = 0
  let high = at.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((at[middle] ?? Infinity) < time) low = middle + 1
    else high = middle
  }
  return low
}

function withColumns(at: number[], column: (figure: Figure) => Column): Series {
  const columns = Object.fromEntries(FIGURES.map((figure) => [figure, column(figure)]))
  return { at, columns: columns as Record<Figure, Column> }
}

function push(series: Series, time: number, value: (figure: Figure) => number | null): void {
  series.at.push(time)
  for (const figure of FIGURES) series.columns[figure].push(value(figure))
}

function trim(series: Series): void {
  const surplus = series.at.length - KEPT_SECONDS
  if (surplus < SLACK) return
  series.at.splice(0, surplus)
  for (const figure of FIGURES) series.columns[figure].splice(0, surplus)
}

function timingOf(
  figure: Figure,
): { of: Timing; quantile: (typeof QUANTILES)[number] } | undefined {
  const [of, quantile] = figure.split('.') as [Timing, (typeof QUANTILES)[number] | undefined]
  return quantile === undefined ? undefined : { of, quantile }
}

function seconds(time: string): number {
  return Date.parse(time) / 1_000
}
