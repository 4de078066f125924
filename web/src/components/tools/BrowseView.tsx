'use client'

import { SearchX, Wrench } from 'lucide-react'
import { useState } from 'react'

import { Button } from '@/components/ui/button'
import type { ToolsPlace } from '@/hooks/useToolsPlace'
import { tools, useTools } from '@/stores/tools.store'

import { type Filter, EVERYTHING, isEverything, matching } from './filter'
import { ListMessage } from './ListMessage'
import { ListSkeleton } from './ListSkeleton'
import { LoadFailure } from './LoadFailure'
import { ToolDetail } from './ToolDetail'
import { ToolFilters } from './ToolFilters'
import { ToolList } from './ToolList'
import { TwoPanes } from './TwoPanes'

/** Every tool, and the one that is looked at. */
export function BrowseView({ place }: { place: ToolsPlace }) {
  const { items, load } = useTools()
  const [filter, setFilter] = useState<Filter>(EVERYTHING)
  const found = matching(items, filter)
  // Where there is room for two panes, the second is not left empty.
  const shown = place.tool ?? found[0]?.name
  const tool = items.find(({ name }) => name === shown)

  return (
    <TwoPanes
      label="Tools"
      shown={place.tool === undefined ? 'list' : 'detail'}
      list={
        <>
          <ToolFilters filter={filter} items={items} onChange={setFilter} />
          <div
            className="min-h-0 flex-1 scrollbar-thin overflow-y-auto overscroll-contain"
            tabIndex={-1}
          >
            {load.kind === 'failed' ? (
              <LoadFailure
                title="The tools could not be loaded"
                failure={load.failure}
                onRetry={tools.load}
              />
            ) : load.kind !== 'ready' ? (
              <ListSkeleton label="Loading the tools" />
            ) : found.length > 0 ? (
              <ToolList items={found} selected={shown} />
            ) : isEverything(filter) ? (
              <ListMessage Icon={Wrench} title="This server has no tools" />
            ) : (
              <ListMessage
                Icon={SearchX}
                title="No tool fits"
                role="status"
                action={
                  <Button
                    variant="outline"
                    size="sm"
                    onClick={() => {
                      setFilter(EVERYTHING)
                    }}
                  >
                    Show all tools
                  </Button>
                }
              >
                Search for another word, or look at all of them.
              </ListMessage>
            )}
          </div>
        </>
      }
      detail={
        tool ? (
          <ToolDetail key={tool.name} tool={tool} place={place} />
        ) : (
          place.tool !== undefined &&
          load.kind === 'ready' && (
            <ListMessage Icon={SearchX} title="There is no such tool">
              It may have been removed, or the server that offers it is away.
            </ListMessage>
          )
        )
      }
    />
  )
}
