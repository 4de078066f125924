'use client'

import { memo } from 'react'

import { type Unit, show } from '@/lib/figures'
import type { Series } from '@/lib/series'
import { cn } from '@/lib/utils'
import { type Range, useFigures } from '@/stores/metrics.store'

import type { Look } from './grids'

export interface TileSpec {
  readonly label: string
  readonly unit: Unit
  readonly value: (series: Series, range: Range) => number | undefined
  /** What stands below, in small. */
  readonly beside: (series: Series, range: Range) => string
  /** Whether the figure says that something is wrong. */
  readonly isBad?: (value: number) => boolean
}

/** One figure that is read at a glance. It renders when what it shows has changed. */
export const Tile = memo(function Tile({ look, spec }: { look: Look; spec: TileSpec }) {
  const { beside, isBad, label, unit, value } = spec
  const digits = useFigures((series, range) => show(value(series, range), unit).digits)
  const behind = useFigures((series, range) => show(value(series, range), unit).unit)
  const small = useFigures(beside)
  const bad = useFigures((series, range) => {
    const told = value(series, range)
    return told !== undefined && isBad?.(told) === true
  })
  const wall = look === 'wall'
  return (
    <div
      className={cn(
        'flex min-w-0 flex-col rounded-xl border bg-card p-4',
        wall && 'md:justify-center md:px-[1.6vmin] md:py-[1vmin]',
      )}
    >
      <dt
        className={cn(
          'text-[0.8125rem] font-medium text-muted-foreground',
          wall && 'md:text-[1.9vmin]',
        )}
      >
        {label}
      </dt>
      <dd className="min-w-0">
        <span
          className={cn(
            'mt-1 block truncate text-3xl font-semibold tracking-tight tabular-nums',
            wall && 'md:mt-0 md:text-[5.6vmin] md:leading-[1.15]',
            bad && 'text-destructive',
            'group-data-old/figures:text-muted-foreground',
          )}
        >
          {digits}
          <span
            className={cn(
              'ml-1 text-sm font-normal tracking-normal text-muted-foreground',
              wall && 'md:text-[2.2vmin]',
            )}
          >
            {behind}
          </span>
        </span>
        <span
          className={cn(
            'mt-0.5 block text-xs text-pretty text-muted-foreground tabular-nums',
            wall && 'md:text-[1.6vmin]',
          )}
        >
          {small}
        </span>
      </dd>
    </div>
  )
})
