import type { McpServer, McpTransport } from '@/types/servers'

/** How a server is reached, on one line. */
export function reachedBy(transport: McpTransport): string {
  return transport.type === 'http'
    ? transport.url
    : [transport.command, ...(transport.args ?? [])].join(' ')
}

/** Whether people may sign in for a server: it is on the web, and lets nobody in by a header. */
export function maySignIn({
  enabled,
  transport,
}: Pick<McpServer, 'enabled' | 'transport'>): boolean {
  return (
    enabled &&
    transport.type === 'http' &&
    !Object.keys(transport.headers ?? {}).some(
      (name) => name.trim().toLowerCase() === 'authorization',
    )
  )
}

const CAME_OF_IT: Readonly<Record<string, string>> = {
  denied:
    'Nothing was granted: the other side, or you there, said no. Connect again whenever you want to.',
  failed: 'The sign-in did not work. The log below says why.',
  expired:
    'That sign-in was begun in another browser, or more than ten minutes ago. Connect again.',
}

/** What came of a sign-in, in a sentence; nothing where it worked. */
export function cameOfIt(connect: string | undefined): string | undefined {
  return connect === undefined ? undefined : CAME_OF_IT[connect]
}

export function toolsCount({ tools }: Pick<McpServer, 'tools'>): string {
  return tools.length === 1 ? '1 tool' : `${tools.length} tools`
}
