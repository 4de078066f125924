import {
  Eye,
  Globe,
  PencilLine,
  Repeat,
  Server,
  TriangleAlert,
  type LucideIcon,
} from 'lucide-react'

import type { ToolInfo } from '@/types/tools'

interface Trait {
  readonly Icon: LucideIcon
  readonly label: string
}

/** What a tool's annotations mean to a person. */
export function traitsOf({ annotations }: Pick<ToolInfo, 'annotations'>): Trait[] {
  const { destructiveHint, idempotentHint, openWorldHint, readOnlyHint } = annotations
  const change = readOnlyHint
    ? { Icon: Eye, label: 'Changes nothing' }
    : destructiveHint
      ? { Icon: TriangleAlert, label: 'May change or delete things' }
      : { Icon: PencilLine, label: 'Adds or changes things' }
  return [
    change,
    ...(!readOnlyHint && idempotentHint ? [{ Icon: Repeat, label: 'Safe to repeat' }] : []),
    openWorldHint
      ? { Icon: Globe, label: 'Reaches the internet' }
      : { Icon: Server, label: 'Stays on this server' },
  ]
}

/** How a tool behaves, in words. */
export function Behaviour({ tool }: { tool: ToolInfo }) {
  return (
    <div className="flex flex-col gap-1.5">
      <ul aria-label="Behaviour" className="flex flex-wrap gap-x-5 gap-y-1.5">
        {traitsOf(tool).map(({ Icon, label }) => (
          <li key={label} className="flex items-center gap-1.5 text-[0.8125rem]">
            <Icon aria-hidden="true" className="size-4 text-muted-foreground" />
            {label}
          </li>
        ))}
      </ul>
      {tool.source === 'mcp' && (
        <p className="text-xs text-muted-foreground">
          That is what its server says; Weir cannot check it.
        </p>
      )}
    </div>
  )
}
