'use client'

import { Maximize, Minimize, Table2 } from 'lucide-react'

import { Button } from '@/components/ui/button'
import { Segmented, SegmentedItem } from '@/components/ui/segmented'
import { cn } from '@/lib/utils'
import { RANGES, TOGETHER, metrics, useRange, useSources } from '@/stores/metrics.store'

import { FeedStatus } from './FeedStatus'
import type { Look } from './grids'
import { instanceName } from './words'

interface ToolbarProps {
  look: Look
  onLook: () => void
  table: boolean
  onTable: (table: boolean) => void
}

/** How the figures come, and how they are looked at. */
export function Toolbar({ look, onLook, onTable, table }: ToolbarProps) {
  return (
    <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
      <FeedStatus look={look} />
      <div className="flex flex-wrap items-center gap-2 max-sm:w-full sm:ml-auto">
        <SourceSwitch />
        <RangeSwitch />
        {look === 'page' && (
          <Button
            variant="outline"
            className="max-lg:h-11"
            aria-pressed={table}
            onClick={() => {
              onTable(!table)
            }}
          >
            <Table2 aria-hidden="true" />
            <span className="max-sm:sr-only">Show as table</span>
          </Button>
        )}
        <Button
          variant="outline"
          className="max-lg:h-11"
          aria-keyshortcuts="F"
          title="Full screen (F)"
          onClick={onLook}
        >
          {look === 'page' ? <Maximize aria-hidden="true" /> : <Minimize aria-hidden="true" />}
          <span className={cn(look === 'page' && 'max-sm:sr-only')}>
            {look === 'page' ? 'Full screen' : 'Leave'}
          </span>
        </Button>
      </div>
    </div>
  )
}

/** Whose figures are shown; there is nothing to choose on one instance. */
function SourceSwitch() {
  const { ids, source } = useSources()
  if (ids.length < 2) return null
  return (
    <Segmented
      aria-label="Instance"
      className="max-sm:w-full"
      value={source}
      onValueChange={metrics.choose}
    >
      <SegmentedItem value={TOGETHER}>All together</SegmentedItem>
      {ids.map((id) => (
        <SegmentedItem key={id} value={id} title={id}>
          {instanceName(id)}
        </SegmentedItem>
      ))}
    </Segmented>
  )
}

function RangeSwitch() {
  const range = useRange()
  return (
    <Segmented
      aria-label="Minutes shown"
      className="max-sm:flex-1"
      value={String(range)}
      onValueChange={(value) => {
        const chosen = RANGES.find((minutes) => String(minutes) === value)
        if (chosen) metrics.setRange(chosen)
      }}
    >
      {RANGES.map((minutes) => (
        <SegmentedItem key={minutes} value={String(minutes)}>
          {minutes} min
        </SegmentedItem>
      ))}
    </Segmented>
  )
}
