import Link from 'next/link'

import { toolsPath } from '@/hooks/useToolsPlace'
import type { McpServer } from '@/types/servers'

import { ServerStatus } from './ServerStatus'
import { reachedBy, toolsCount } from './words'

/** The servers, each a way to its details. */
export function ServerList({
  items,
  selected,
}: {
  items: readonly McpServer[]
  selected: string | undefined
}) {
  return (
    <ul
      aria-label="MCP servers"
      className="flex min-h-0 scrollbar-thin flex-col gap-0.5 overflow-y-auto p-2"
    >
      {items.map((server) => (
        <li key={server.name}>
          <Link
            href={toolsPath({ view: 'servers', server: server.name })}
            prefetch={false}
            scroll={false}
            aria-current={server.name === selected ? 'true' : undefined}
            className="flex flex-col gap-1 rounded-lg px-3 py-2.5 transition-colors outline-none hover:bg-accent/60 focus-visible:ring-2 focus-visible:ring-ring @3xl:aria-[current=true]:bg-accent"
          >
            <span className="flex items-center justify-between gap-3">
              <span className="min-w-0 truncate text-sm font-medium">{server.name}</span>
              <ServerStatus status={server.status} className="text-xs" />
            </span>
            <span className="truncate font-mono text-xs leading-5 text-muted-foreground">
              {reachedBy(server.transport)}
            </span>
            {server.status === 'ready' && (
              <span className="text-xs text-muted-foreground">{toolsCount(server)}</span>
            )}
          </Link>
        </li>
      ))}
    </ul>
  )
}
