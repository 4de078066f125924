import type { Unit } from '@/lib/figures'
import type { Figure, Timing } from '@/lib/series'

/** One line of a chart. */
export interface Line {
  readonly figure: Figure
  readonly label: string
  /** The custom property that its colour is. */
  readonly color: `--${string}`
}

/** One chart, or the table in its place. */
export interface Panel {
  readonly title: string
  readonly unit: Unit
  readonly lines: readonly Line[]
}

/** What there is to see, in the order in which it is looked at. */
export const PANELS: readonly Panel[] = [
  {
    title: 'Requests',
    unit: 'perSecond',
    lines: [
      { figure: 'requestsPerSecond', label: 'Answered', color: '--chart-1' },
      { figure: 'errorsPerSecond', label: 'With an error', color: '--destructive' },
    ],
  },
  timing('Latency', 'latency'),
  timing('Time to first token', 'firstToken'),
  {
    title: 'Tokens',
    unit: 'perSecond',
    lines: [
      { figure: 'tokensPerSecond', label: 'Written', color: '--chart-1' },
      { figure: 'inputTokensPerSecond', label: 'Read', color: '--chart-5' },
    ],
  },
  {
    title: 'In flight',
    unit: 'count',
    lines: [
      { figure: 'runs', label: 'Answers', color: '--chart-1' },
      { figure: 'jobs', label: 'Tool jobs', color: '--chart-2' },
    ],
  },
  {
    title: 'People',
    unit: 'count',
    lines: [
      { figure: 'people', label: 'People', color: '--chart-1' },
      { figure: 'sockets', label: 'Sockets', color: '--chart-5' },
      { figure: 'readers', label: 'Readers', color: '--chart-4' },
    ],
  },
  {
    title: 'Interruptions',
    unit: 'count',
    lines: [
      { figure: 'resumes', label: 'Resumed', color: '--chart-1' },
      { figure: 'takeOvers', label: 'Taken over', color: '--chart-5' },
      { figure: 'readersDropped', label: 'Readers dropped', color: '--destructive' },
      { figure: 'framesDropped', label: 'Frames dropped', color: '--chart-2' },
    ],
  },
  {
    title: 'Refusals and failures',
    unit: 'count',
    lines: [
      { figure: 'rateLimited', label: 'Over a limit', color: '--chart-2' },
      { figure: 'upstreamErrors', label: 'Model servers', color: '--destructive' },
    ],
  },
  timing('Commit', 'commit'),
  timing('Bell', 'bell'),
  {
    title: 'Memory',
    unit: 'bytes',
    lines: [
      { figure: 'memoryBytes', label: 'In use', color: '--chart-1' },
      { figure: 'heldBytes', label: 'Held for slow readers', color: '--chart-2' },
    ],
  },
  {
    title: 'Processor',
    unit: 'cores',
    lines: [{ figure: 'cpu', label: 'Cores in use', color: '--chart-1' }],
  },
]

function timing(title: string, of: Timing): Panel {
  return {
    title,
    unit: 'milliseconds',
    lines: [
      { figure: `${of}.p50`, label: 'p50', color: '--chart-1' },
      { figure: `${of}.p95`, label: 'p95', color: '--chart-2' },
      { figure: `${of}.p99`, label: 'p99', color: '--chart-3' },
    ],
  }
}
