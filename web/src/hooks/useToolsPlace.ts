import { useSearchParams } from 'next/navigation'

/** The parts of the page of tools. */
export const TOOLS_VIEWS = ['browse', 'activity', 'servers'] as const

export type ToolsView = (typeof TOOLS_VIEWS)[number]

/** What the page of tools shows. */
export interface ToolsPlace {
  readonly view: ToolsView
  /** The tool that is looked at, in `browse`. */
  readonly tool?: string | undefined
  /** The job that is looked at: in `browse` the newest try of the tool. */
  readonly job?: string | undefined
  /** The MCP server that is looked at, in `servers`. */
  readonly server?: string | undefined
  /** What came of a sign-in for a server, right after it: never part of an own link. */
  readonly connect?: string | undefined
}

/** Where a part of the page of tools is shown. */
export function toolsPath({ job, server, tool, view }: ToolsPlace): string {
  const query = new URLSearchParams()
  if (view !== 'browse') query.set('view', view)
  if (tool !== undefined) query.set('tool', tool)
  if (job !== undefined) query.set('job', job)
  if (server !== undefined) query.set('server', server)
  const text = query.toString()
  return text === '' ? '/tools' : `/tools?${text}`
}

/** What the address asks for. Needs `<Suspense>` around it in an exported page. */
export function useToolsPlace(): ToolsPlace {
  const query = useSearchParams()
  const view = TOOLS_VIEWS.find((name) => name === query.get('view')) ?? 'browse'
  const named = (name: string) => query.get(name) ?? undefined
  return {
    view,
    tool: named('tool'),
    job: named('job'),
    server: named('server'),
    connect: named('connect'),
  }
}

/** Puts a place into the address without a new entry in the history: a reload comes back to it. */
export function replacePlace(place: ToolsPlace): void {
  window.history.replaceState(null, '', toolsPath(place))
}
