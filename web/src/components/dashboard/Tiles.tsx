import { inOne } from '@/lib/figures'
import { type Figure, type Series, type Timing, newestTime, summary } from '@/lib/series'
import { newestShown, type Range } from '@/stores/metrics.store'

import { type Look, TILE_GRID } from './grids'
import { Tile, type TileSpec } from './Tile'

const TILES: readonly TileSpec[] = [
  {
    label: 'Requests',
    unit: 'perSecond',
    value: figure('requestsPerSecond'),
    beside: (series, range) => {
      const most = over(series, 'requestsPerSecond', range)?.highest
      return `at most ${inOne(most ?? 0, 'perSecond')}`
    },
  },
  timing('Latency, p95', 'latency', 'p95'),
  timing('First token, p50', 'firstToken', 'p50'),
  {
    label: 'Tokens written',
    unit: 'perSecond',
    value: figure('tokensPerSecond'),
    beside: (series) =>
      `input ${inOne(newestShown(series, 'inputTokensPerSecond') ?? 0, 'perSecond')}`,
  },
  {
    label: 'Answers in flight',
    unit: 'count',
    value: figure('runs'),
    beside: (series) => counted(newestShown(series, 'jobs') ?? 0, 'tool job', 'tool jobs'),
  },
  {
    label: 'Errors',
    unit: 'count',
    value: (series, range) => {
      const server = over(series, 'errorsPerSecond', range)
      return server && Math.round(server.sum)
    },
    beside: (series, range) =>
      `${counted(sumOf(series, 'upstreamErrors', range), 'failure', 'failures')} of model servers`,
    isBad: (errors) => errors > 0,
  },
  {
    label: 'People',
    unit: 'count',
    value: figure('people'),
    beside: (series) =>
      `${counted(newestShown(series, 'sockets') ?? 0, 'socket', 'sockets')}, ${counted(newestShown(series, 'readers') ?? 0, 'reader', 'readers')}`,
  },
  {
    label: 'Resumed',
    unit: 'count',
    value: (series, range) => over(series, 'resumes', range)?.sum,
    beside: (series, range) =>
      `${counted(sumOf(series, 'framesDropped', range), 'frame', 'frames')} dropped`,
  },
  {
    label: 'Memory',
    unit: 'bytes',
    value: figure('memoryBytes'),
    beside: (series) => `${inOne(newestShown(series, 'heldBytes') ?? 0, 'bytes')} held for readers`,
  },
  {
    label: 'Processor',
    unit: 'cores',
    value: figure('cpu'),
    beside: (series, range) =>
      `at most ${inOne(over(series, 'cpu', range)?.highest ?? 0, 'cores')}`,
  },
]

/** What is going on, in ten figures. */
export function Tiles({ look }: { look: Look }) {
  return (
    <dl aria-label="Now" className={TILE_GRID[look]}>
      {TILES.map((spec) => (
        <Tile key={spec.label} look={look} spec={spec} />
      ))}
    </dl>
  )
}

function figure(name: Figure) {
  return (series: Series) => newestShown(series, name)
}

function timing(label: string, of: Timing, shown: 'p50' | 'p95'): TileSpec {
  const others = (['p50', 'p95', 'p99'] as const).filter((quantile) => quantile !== shown)
  return {
    label,
    unit: 'milliseconds',
    value: figure(`${of}.${shown}`),
    beside: (series) => {
      const told = others.flatMap((quantile) => {
        const value = newestShown(series, `${of}.${quantile}`)
        return value === undefined ? [] : [`${quantile} ${inOne(value, 'milliseconds')}`]
      })
      // A figure stays on one line with what it is.
      return told.length === 0
        ? 'none just now'
        : told.map((one) => one.replaceAll(' ', '\u00a0')).join(', ')
    },
  }
}

function over(series: Series, name: Figure, range: Range) {
  return summary(series, name, (newestTime(series) ?? 0) - range * 60)
}

function sumOf(series: Series, name: Figure, range: Range): number {
  return over(series, name, range)?.sum ?? 0
}

function counted(count: number, one: string, many: string): string {
  return `${inOne(count, 'count')} ${count === 1 ? one : many}`
}
