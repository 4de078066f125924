import type { McpServer, McpTransport } from '@/types/servers'

/** How a server is reached, on one line. */
export function reachedBy(transport: McpTransport): string {
  return transport.type === 'http'
    ? transport.url
    : [transport.command, ...(transport.args ?? [])].join(' ')
}

export function toolsCount({ tools }: Pick<McpServer, 'tools'>): string {
  return tools.length === 1 ? '1 tool' : `${tools.length} tools`
}
