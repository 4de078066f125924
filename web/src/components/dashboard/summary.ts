import { show, spoken } from '@/lib/figures'
import { type Series, newestTime, summary } from '@/lib/series'
import { newestShown, type Range } from '@/stores/metrics.store'

import type { Panel } from './panels'

/** A chart in a sentence or two. */
export function sentence({ lines, title, unit }: Panel, series: Series, range: Range): string {
  const from = (newestTime(series) ?? 0) - range * 60
  const told = lines.flatMap(({ figure, label }) => {
    const over = summary(series, figure, from)
    if (!over) return []
    const now = newestShown(series, figure)
    const newest = now === undefined ? '' : `${spoken(now, unit)} now, `
    return [`${label}: ${newest}at most ${spoken(over.highest, unit)}.`]
  })
  const span = range === 1 ? 'the last minute' : `the last ${range} minutes`
  if (told.length === 0) return `${title}: nothing measured in ${span}.`
  return `${title} in ${span}. ${told.join(' ')}`
}

/** All of it in one sentence, rounded so that it stays the same while not much happens. */
export function overview(series: Series): string {
  const of = (figure: Parameters<typeof newestShown>[1]) => newestShown(series, figure)
  const requests = Math.round(of('requestsPerSecond') ?? 0)
  const latency = of('latency.p95')
  const runs = of('runs') ?? 0
  const errors = Math.round(of('errorsPerSecond') ?? 0)
  return [
    `${show(requests, 'perSecond').digits} ${requests === 1 ? 'request' : 'requests'} a second`,
    ...(latency === undefined ? [] : [`latency ${spoken(rounded(latency), 'milliseconds')}`]),
    runs === 1 ? '1 answer in flight' : `${runs} answers in flight`,
    errors === 0 ? 'no errors' : `${errors} errors a second`,
  ].join(', ')
}

/** To one digit that says something. */
function rounded(value: number): number {
  return value === 0 ? 0 : Number(value.toPrecision(1))
}
