'use client'

import { Plug, Plus, SearchX } from 'lucide-react'
import { useEffect, useState } from 'react'

import { Button } from '@/components/ui/button'
import { onDemand } from '@/hooks/on-demand'
import type { ToolsPlace } from '@/hooks/useToolsPlace'
import { servers, useServers } from '@/stores/servers.store'

import { ListMessage } from '../ListMessage'
import { ListSkeleton } from '../ListSkeleton'
import { LoadFailure } from '../LoadFailure'
import { TwoPanes } from '../TwoPanes'
import { ServerDetail } from './ServerDetail'
import { ServerList } from './ServerList'

const useServerDialog = onDemand(async () => (await import('./ServerDialog')).default)

/** The MCP servers, and the one that is looked at. */
export function ServersView({ place }: { place: ToolsPlace }) {
  const { items, load } = useServers()
  const [adding, setAdding] = useState(false)
  const drawDialog = useServerDialog(adding)
  const shown = place.server ?? items[0]?.name
  const server = items.find(({ name }) => name === shown)

  useEffect(() => servers.watch(shown), [shown])

  const addButton = (
    <Button
      size="sm"
      className="max-lg:h-11"
      onClick={() => {
        setAdding(true)
      }}
    >
      <Plus aria-hidden="true" />
      Add a server
    </Button>
  )

  return (
    <>
      <TwoPanes
        label="MCP servers"
        shown={place.server === undefined ? 'list' : 'detail'}
        list={
          <>
            {items.length > 0 && (
              <div className="flex shrink-0 justify-end border-b p-3">{addButton}</div>
            )}
            {load.kind === 'failed' ? (
              <LoadFailure
                title="The servers could not be loaded"
                failure={load.failure}
                onRetry={servers.load}
              />
            ) : load.kind !== 'ready' ? (
              <ListSkeleton label="Loading the servers" rows={3} />
            ) : items.length > 0 ? (
              <ServerList items={items} selected={shown} />
            ) : (
              <ListMessage Icon={Plug} title="No MCP server yet" action={addButton}>
                Programs that speak the Model Context Protocol bring tools of their own: files,
                time, databases, other people&apos;s services.
              </ListMessage>
            )}
          </>
        }
        detail={
          server ? (
            <ServerDetail
              key={server.name}
              server={server}
              named={place.server}
              connect={place.connect}
            />
          ) : (
            place.server !== undefined &&
            load.kind === 'ready' && <ListMessage Icon={SearchX} title="There is no such server" />
          )
        }
      />
      {adding &&
        drawDialog?.({
          server: undefined,
          onClose: () => {
            setAdding(false)
          },
        })}
    </>
  )
}
