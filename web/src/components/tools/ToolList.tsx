import Link from 'next/link'

import { Badge } from '@/components/ui/badge'
import { toolsPath } from '@/hooks/useToolsPlace'
import { cn } from '@/lib/utils'
import type { ToolInfo } from '@/types/tools'

import { permissionOf, sourceOf } from './words'

/** The tools, each a way to its details. */
export function ToolList({
  items,
  selected,
}: {
  items: readonly ToolInfo[]
  selected: string | undefined
}) {
  return (
    <ul className="flex flex-col gap-0.5 p-2">
      {items.map((tool) => (
        <li key={tool.name}>
          <ToolItem tool={tool} current={tool.name === selected} />
        </li>
      ))}
    </ul>
  )
}

function ToolItem({ current, tool }: { tool: ToolInfo; current: boolean }) {
  const { Icon, label } = permissionOf(tool.permission)
  return (
    <Link
      href={toolsPath({ view: 'browse', tool: tool.name })}
      prefetch={false}
      scroll={false}
      aria-current={current ? 'true' : undefined}
      className="flex flex-col gap-1 rounded-lg px-3 py-2.5 transition-colors outline-none hover:bg-accent/60 focus-visible:ring-2 focus-visible:ring-ring @3xl:aria-[current=true]:bg-accent"
    >
      <span className="flex items-center gap-2">
        <span className="min-w-0 flex-1 truncate text-sm font-medium">{tool.title}</span>
        {tool.source === 'mcp' && <Badge variant="secondary">{sourceOf(tool)}</Badge>}
        <span
          className={cn(
            'flex items-center gap-1 text-xs text-muted-foreground',
            tool.permission === 'deny' && 'text-destructive',
          )}
        >
          <Icon aria-hidden="true" className="size-3.5" />
          {label}
        </span>
      </span>
      <span className="line-clamp-2 text-[0.8125rem] leading-5 text-muted-foreground">
        {tool.description}
      </span>
    </Link>
  )
}
