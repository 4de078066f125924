'use client'

import { useTheme } from 'next-themes'
import { memo, useMemo, useState } from 'react'

import { ChartContainer, ChartLegend, ChartLegendItem, chartColor } from '@/components/ui/chart'
import { Skeleton } from '@/components/ui/skeleton'
import { onDemand } from '@/hooks/on-demand'
import { inOne } from '@/lib/figures'
import { newestTime, pointAt, points } from '@/lib/series'
import { cn } from '@/lib/utils'
import {
  POINT_SECONDS,
  metricsStore,
  newestShown,
  shownSeries,
  useFigures,
} from '@/stores/metrics.store'

import type { ChartSource } from '../charts/TimeChart'
import type { Look } from './grids'
import type { Line, Panel } from './panels'
import { sentence } from './summary'

const useTimeChart = onDemand(async () => (await import('../charts/TimeChart')).default)

/** One chart. The canvas draws by itself; only the words around it are React's. */
export const ChartPanel = memo(function ChartPanel({ look, panel }: { look: Look; panel: Panel }) {
  const { lines, title, unit } = panel
  const draw = useTimeChart(true)
  const { resolvedTheme } = useTheme()
  const [time, setTime] = useState<number>()
  const isEmpty = useFigures((series) =>
    lines.every(({ figure }) => series.columns[figure].every((value) => value === null)),
  )
  const source = useMemo(() => sourceOf(panel), [panel])
  const config = useMemo(
    () => Object.fromEntries(lines.map(({ color, figure, label }) => [figure, { color, label }])),
    [lines],
  )
  const colored = useMemo(
    () => lines.map(({ figure, label }) => ({ label, color: chartColor(figure) })),
    [lines],
  )
  const wall = look === 'wall'
  return (
    <ChartContainer
      config={config}
      className={cn('rounded-xl border bg-card p-4', wall && 'min-h-0 md:p-[1.4vmin]')}
    >
      <figcaption className="flex flex-col gap-1.5">
        <span className="flex items-baseline justify-between gap-2">
          <span className={cn('text-sm font-medium', wall && 'md:text-[1.8vmin]')}>
            {title}
            {unit === 'perSecond' && (
              <span className="font-normal text-muted-foreground"> a second</span>
            )}
          </span>
          {time !== undefined && (
            <span aria-hidden="true" className="text-xs text-muted-foreground tabular-nums">
              {new Date(time * 1_000).toLocaleTimeString()}
            </span>
          )}
        </span>
        <Spoken panel={panel} />
        <ChartLegend
          aria-hidden="true"
          className={cn(wall && 'gap-x-3 gap-y-0.5 md:text-[1.35vmin]')}
        >
          {lines.map((line) => (
            <ChartLegendItem key={line.figure} name={line.figure}>
              {line.label}
              <LegendValue line={line} panel={panel} time={time} />
            </ChartLegendItem>
          ))}
        </ChartLegend>
      </figcaption>
      <div className={cn('relative', wall ? 'mt-1 min-h-32 flex-1 md:min-h-0' : 'mt-2 h-44')}>
        {draw?.({
          className: 'absolute inset-0',
          lines: colored,
          unit,
          source,
          theme: `${look} ${resolvedTheme ?? ''}`,
          onTime: setTime,
        }) ?? <Skeleton className="absolute inset-0" />}
        {isEmpty && draw !== undefined && (
          <p className="pointer-events-none absolute inset-0 flex items-center justify-center pb-6 text-[0.8125rem] text-muted-foreground">
            Nothing measured yet
          </p>
        )}
      </div>
    </ChartContainer>
  )
})

function LegendValue({
  line,
  panel,
  time,
}: {
  line: Line
  panel: Panel
  time: number | undefined
}) {
  const text = useFigures((series, range) => {
    const { figure } = line
    const value =
      time === undefined
        ? newestShown(series, figure)
        : pointAt(series, figure, POINT_SECONDS[range], time)
    return inOne(value, panel.unit)
  })
  return <span className="font-medium text-foreground tabular-nums">{text}</span>
}

/** What the chart shows, for those who hear it. */
function Spoken({ panel }: { panel: Panel }) {
  return (
    <span className="sr-only">{useFigures((series, range) => sentence(panel, series, range))}</span>
  )
}

function sourceOf({ lines }: Panel): ChartSource {
  const series = () => shownSeries(metricsStore.getState())
  const figures = lines.map(({ figure }) => figure)
  return {
    data: () => {
      const { range } = metricsStore.getState()
      const { at, columns } = points(series(), figures, 60 * range, POINT_SECONDS[range])
      return [at, ...columns]
    },
    window: () => {
      const until = newestTime(series()) ?? 0
      return [until - 60 * metricsStore.getState().range, until]
    },
    subscribe: (listener) =>
      metricsStore.subscribe((state, before) => {
        const isNew =
          state.revision !== before.revision ||
          state.source !== before.source ||
          state.range !== before.range
        if (isNew) listener()
      }),
  }
}
