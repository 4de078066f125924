import { TOOLS_VIEWS, type ToolsView, toolsPath } from '@/hooks/useToolsPlace'

import { PageNav } from '../layout/PageNav'

const LABELS: Record<ToolsView, string> = {
  browse: 'All tools',
  activity: 'Activity',
  servers: 'MCP servers',
}

/** The parts of the page. */
export function ToolsNav({ view }: { view: ToolsView }) {
  const parts = TOOLS_VIEWS.map((name) => ({
    href: toolsPath({ view: name }),
    label: LABELS[name],
    current: name === view,
  }))
  return <PageNav parts={parts} />
}
