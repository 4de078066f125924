import { describe, expect, it } from 'vitest'

import {
  KEPT_SECONDS,
  type Series,
  append,
  emptySeries,
  joined,
  newest,
  pointAt,
  points,
  seriesOf,
  slice,
  summary,
} from '@/lib/series'

import { START, history, sample, second } from '../support/metrics'

function series(...requests: readonly number[]): Series {
  const told = history(
    0,
    requests.map((requestsPerSecond) => ({ requestsPerSecond })),
  )
  return seriesOf(told.at, told.total)
}

describe('a series', () => {
  it('is the columns that the server tells', () => {
    const told = history(0, [{ latency: { p50: 1, p95: 2, p99: 3 } }, {}])
    const { at, columns } = seriesOf(told.at, told.total)
    expect(at).toEqual([START, START + 1])
    expect(columns['latency.p95']).toEqual([2, null])
    expect(columns.memoryBytes).toHaveLength(2)
  })

  it('grows by a second, once', () => {
    const grown = series(1, 2)
    append(grown, second(2), sample({ requestsPerSecond: 3 }))
    append(grown, second(2), sample({ requestsPerSecond: 4 }))
    append(grown, second(1), sample({ requestsPerSecond: 5 }))
    expect(grown.columns.requestsPerSecond).toEqual([1, 2, 3])
    expect(grown.columns['bell.p99']).toEqual([null, null, null])
  })

  it('shows a gap where seconds are missing', () => {
    const grown = series(1)
    append(grown, second(10), sample({ requestsPerSecond: 2 }))
    expect(grown.at).toEqual([START, START + 1, START + 10])
    expect(grown.columns.requestsPerSecond).toEqual([1, null, 2])
  })

  it('keeps 15 minutes and little more, however long it runs', () => {
    const grown = emptySeries()
    for (let n = 0; n < 5_000; n += 1) append(grown, second(n), sample({ runs: n }))
    expect(grown.at.length).toBeGreaterThanOrEqual(KEPT_SECONDS)
    expect(grown.at.length).toBeLessThan(KEPT_SECONDS + 60)
    expect(grown.columns.runs.at(-1)).toBe(4_999)
    expect(grown.columns.runs).toHaveLength(grown.at.length)
  })

  it('goes on behind what is known when the server tells less, as after its restart', () => {
    const before = series(1, 2, 3)
    const told = history(2, [{ requestsPerSecond: 7 }, { requestsPerSecond: 8 }])
    const after = joined(before, seriesOf(told.at, told.total))
    expect(after.columns.requestsPerSecond).toEqual([1, 2, 7, 8])
    const late = history(100, [{ requestsPerSecond: 9 }])
    const torn = joined(after, seriesOf(late.at, late.total))
    expect(torn.columns.requestsPerSecond).toEqual([1, 2, 7, 8, null, 9])
    expect(torn.at).toHaveLength(6)
    expect(joined(after, emptySeries())).toBe(after)
  })
})

describe('what is read from a series', () => {
  it('the newest value within a time', () => {
    const told = history(0, [{ latency: { p50: 1, p95: 2, p99: 3 } }, {}, {}])
    const some = seriesOf(told.at, told.total)
    expect(newest(some, 'latency.p50', 3)).toBe(1)
    expect(newest(some, 'latency.p50', 2)).toBeUndefined()
    expect(newest(emptySeries(), 'runs', 60)).toBeUndefined()
  })

  it('a summary, without a mean of quantiles', () => {
    const some = series(1, 2, 6)
    expect(summary(some, 'requestsPerSecond', START + 1)).toEqual({ highest: 6, mean: 4, sum: 8 })
    expect(summary(some, 'latency.p50', START)).toBeUndefined()
    append(some, second(3), sample({ latency: { p50: 1, p95: 2, p99: 3 } }))
    expect(summary(some, 'latency.p99', START)).toEqual({ highest: 3, mean: undefined, sum: 3 })
  })

  it('a slice: the mean, the slowest, the sum', () => {
    const told = history(0, [
      { requestsPerSecond: 2, resumes: 1, latency: { p50: 1, p95: 5, p99: 9 } },
      { requestsPerSecond: 4, resumes: 2, latency: { p50: 3, p95: 4, p99: 8 } },
      { requestsPerSecond: 9, resumes: 5 },
    ])
    const some = seriesOf(told.at, told.total)
    const figures = ['requestsPerSecond', 'resumes', 'latency.p95'] as const
    expect(slice(some, figures, 2, 1)).toEqual({ from: START, until: START + 2, values: [3, 3, 5] })
    expect(slice(some, figures, 2, 0)?.values).toEqual([9, 5, undefined])
    expect(slice(some, figures, 2, 2)).toBeUndefined()
  })

  it('a slice stays what it is while time goes on', () => {
    const some = series(1, 2, 3, 4)
    const before = slice(some, ['requestsPerSecond'], 2, 1)
    append(some, second(4), sample({ requestsPerSecond: 100 }))
    expect(slice(some, ['requestsPerSecond'], 2, 2)).toEqual(before)
  })

  it('points, each of which is found again by its time', () => {
    const some = series(1, 3, 5, 7, 9)
    const { at, columns } = points(some, ['requestsPerSecond'], 60, 2)
    expect(at).toEqual([START + 2, START + 4, START + 4])
    expect(columns).toEqual([[2, 6, 9]])
    expect(pointAt(some, 'requestsPerSecond', 2, START + 2)).toBe(2)
    expect(points(emptySeries(), ['runs'], 60, 1)).toEqual({ at: [], columns: [[]] })
  })
})
