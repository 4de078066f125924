import { FIGURES, QUANTILES, TIMINGS, type Timing } from '@/lib/series'
import type { MetricsColumns, MetricsHistory, MetricsPoint, MetricsSample } from '@/types/metrics'

/** When the tests' figures begin, in seconds since the epoch; a whole minute. */
export const START = Date.parse('2026-01-31T12:00:00.000Z') / 1_000

/** The second `n` after the start, as the wire writes it. */
export function second(n: number): string {
  return new Date((START + n) * 1_000).toISOString()
}

/** A sample of a second in which nothing happened, but what is told. */
export function sample(told: Partial<MetricsSample> = {}): MetricsSample {
  return {
    requestsPerSecond: 0,
    errorsPerSecond: 0,
    tokensPerSecond: 0,
    inputTokensPerSecond: 0,
    people: 1,
    sockets: 1,
    readers: 0,
    runs: 0,
    jobs: 0,
    resumes: 0,
    takeOvers: 0,
    readersDropped: 0,
    framesDropped: 0,
    rateLimited: 0,
    upstreamErrors: 0,
    heldBytes: 0,
    memoryBytes: 100 * 1024 * 1024,
    cpu: 0.1,
    ...told,
  }
}

/** The point of second `n`. */
export function point(
  n: number,
  total: Partial<MetricsSample> = {},
  rest: Partial<Omit<MetricsPoint, 'at' | 'total'>> = {},
): MetricsPoint {
  return { at: second(n), total: sample(total), instances: [], runs: [], ...rest }
}

/** The columns of some samples. */
export function columns(samples: readonly MetricsSample[]): MetricsColumns {
  const plain = FIGURES.filter((figure) => !figure.includes('.'))
  const told: Record<string, unknown> = Object.fromEntries(
    plain.map((figure) => [
      figure,
      samples.map((sample) => sample[figure as keyof MetricsSample] ?? null),
    ]),
  )
  const timing = (of: Timing) =>
    Object.fromEntries(
      QUANTILES.map((quantile) => [quantile, samples.map((one) => one[of]?.[quantile] ?? null)]),
    )
  for (const of of TIMINGS) told[of] = timing(of)
  return told as unknown as MetricsColumns
}

/** A history of the seconds from `first` on; the last is its now. */
export function history(first: number, points: readonly Partial<MetricsSample>[]): MetricsHistory {
  const samples = points.map(sample)
  const last = first + samples.length - 1
  return {
    now: point(last, samples.at(-1)),
    intervalMs: 1_000,
    at: samples.map((_, index) => second(first + index)),
    total: columns(samples),
    perInstance: {},
  }
}
