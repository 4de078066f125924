import Link from 'next/link'

import { TOOLS_VIEWS, type ToolsView, toolsPath } from '@/hooks/useToolsPlace'

const LABELS: Record<ToolsView, string> = {
  browse: 'All tools',
  activity: 'Activity',
  servers: 'MCP servers',
}

/** The parts of the page. */
export function ToolsNav({ view }: { view: ToolsView }) {
  return (
    <nav aria-label="Parts of this page" className="shrink-0 border-b">
      <ul className="flex scrollbar-none gap-1 overflow-x-auto px-2 sm:px-3">
        {TOOLS_VIEWS.map((name) => (
          <li key={name} className="shrink-0">
            <Link
              href={toolsPath({ view: name })}
              prefetch={false}
              aria-current={name === view ? 'page' : undefined}
              className="relative flex h-11 items-center px-2 text-sm text-muted-foreground transition-colors outline-none after:absolute after:inset-x-2 after:bottom-0 after:h-0.5 after:rounded-full hover:text-foreground focus-visible:rounded-md focus-visible:ring-2 focus-visible:ring-ring focus-visible:ring-inset aria-[current=page]:font-medium aria-[current=page]:text-foreground aria-[current=page]:after:bg-primary"
            >
              {LABELS[name]}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  )
}
