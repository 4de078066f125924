'use client'

import { useState } from 'react'

import { cn } from '@/lib/utils'
import { POINT_SECONDS, metrics, useFeed, useRange } from '@/stores/metrics.store'

import { LoadFailure } from '../tools/LoadFailure'
import { DashboardSkeleton } from './DashboardSkeleton'
import { Announcement } from './Announcement'
import { ChartPanel } from './ChartPanel'
import { type Look, PANEL_GRID } from './grids'
import { PANELS } from './panels'
import { RunningAnswers } from './RunningAnswers'
import { TablePanel } from './TablePanel'
import { Tiles } from './Tiles'
import { Toolbar } from './Toolbar'

/** The figures, once there are some. */
export default function DashboardContent({ look, onLook }: { look: Look; onLook: () => void }) {
  const { feed, load } = useFeed()
  const [table, setTable] = useState(false)
  if (load.kind === 'failed')
    return (
      <LoadFailure
        title="The figures could not be loaded"
        failure={load.failure}
        onRetry={metrics.load}
      />
    )
  if (load.kind !== 'ready') return <DashboardSkeleton />
  return (
    <div
      // Old figures must not look like those of now.
      data-old={feed === 'stale' ? '' : undefined}
      className={cn(
        'group/figures relative flex min-h-0 flex-1 flex-col gap-4',
        look === 'page'
          ? 'scrollbar-thin overflow-y-auto overscroll-contain p-4 sm:p-6'
          : 'p-4 md:h-full md:gap-[1.2vmin] md:p-[2vmin]',
      )}
    >
      <Toolbar look={look} onLook={onLook} table={table} onTable={setTable} />
      <Announcement />
      <Tiles look={look} />
      {look === 'page' && <RunningAnswers />}
      <section aria-label="Over time" className={PANEL_GRID[look]}>
        {PANELS.map((panel) =>
          look === 'page' && table ? (
            <TablePanel key={panel.title} panel={panel} />
          ) : (
            <ChartPanel key={panel.title} look={look} panel={panel} />
          ),
        )}
      </section>
      {look === 'page' && !table && <PointNote />}
    </div>
  )
}

/** What a point of the charts is; a chart that does not say so cannot be trusted. */
function PointNote() {
  const seconds = POINT_SECONDS[useRange()]
  return (
    <p className="text-xs text-pretty text-muted-foreground">
      {seconds === 1
        ? 'Each point is one second.'
        : `Each point is ${seconds} seconds: the mean of what is counted all the time, the slowest of timings, the sum of interruptions, refusals and failures.`}
    </p>
  )
}
