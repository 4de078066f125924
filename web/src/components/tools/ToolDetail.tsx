'use client'

import { Badge } from '@/components/ui/badge'
import type { ToolsPlace } from '@/hooks/useToolsPlace'
import type { ToolInfo } from '@/types/tools'

import { Behaviour } from './Behaviour'
import { DetailHeader } from './DetailHeader'
import { PermissionControl } from './PermissionControl'
import { TryTool } from './TryTool'
import { sourceOf } from './words'

/** What a tool does, whether it may run, and a way to try it. */
export function ToolDetail({ place, tool }: { tool: ToolInfo; place: ToolsPlace }) {
  return (
    <article
      aria-labelledby="tool-title"
      className="mx-auto flex w-full max-w-3xl flex-col gap-8 p-4 pb-12 sm:p-6 sm:pb-16"
    >
      <div className="flex flex-col gap-4">
        <DetailHeader
          id="tool-title"
          title={tool.title}
          back={{ view: 'browse' }}
          backLabel="All tools"
          named={place.tool}
        >
          <code className="font-mono text-xs text-muted-foreground">{tool.name}</code>
          <Badge variant={tool.source === 'mcp' ? 'warning' : 'secondary'}>{sourceOf(tool)}</Badge>
        </DetailHeader>
        {/* What a foreign tool says of itself is text, and nothing else. */}
        <p className="text-sm leading-6 [overflow-wrap:anywhere] whitespace-pre-line text-muted-foreground">
          {tool.description}
        </p>
        <Behaviour tool={tool} />
      </div>
      <PermissionControl tool={tool} />
      <TryTool tool={tool} job={place.job} />
    </article>
  )
}
