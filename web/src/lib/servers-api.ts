import type {
  CreateMcpServer,
  McpServer,
  McpServerList,
  McpServerLog,
  McpSignInStarted,
  UpdateMcpServer,
} from '@/types/servers'

import type { ApiDeps } from './api'
import { request, requestJson } from './fetcher'

/** Every MCP server and how it is, as the instance that answers sees it. */
export function listServers(deps: ApiDeps): Promise<McpServerList> {
  return requestJson(SERVERS, (v) => v.zMcpServerList, deps)
}

/** Adds an MCP server and starts it. */
export function createServer(server: CreateMcpServer, deps: ApiDeps): Promise<McpServer> {
  return requestJson(SERVERS, (v) => v.zMcpServer, {
    ...deps,
    method: 'POST',
    body: { schema: (v) => v.zCreateMcpServer, value: server },
  })
}

/** An MCP server with the given changes made; a secret that is sent as `null` stays what it is. */
export function updateServer(
  name: string,
  change: UpdateMcpServer,
  deps: ApiDeps,
): Promise<McpServer> {
  return requestJson(serverPath(name), (v) => v.zMcpServer, {
    ...deps,
    method: 'PATCH',
    body: { schema: (v) => v.zUpdateMcpServer, value: change },
  })
}

/** Ends an MCP server and forgets it. */
export async function deleteServer(name: string, deps: ApiDeps): Promise<void> {
  await request(serverPath(name), { ...deps, method: 'DELETE' })
}

/** Starts an MCP server anew, now. */
export function restartServer(name: string, deps: ApiDeps): Promise<McpServer> {
  return requestJson(`${serverPath(name)}/restart`, (v) => v.zMcpServer, {
    ...deps,
    method: 'POST',
  })
}

/** The last lines of what an MCP server said beside the protocol. */
export function readServerLog(name: string, deps: ApiDeps): Promise<McpServerLog> {
  return requestJson(`${serverPath(name)}/log`, (v) => v.zMcpServerLog, deps)
}

/** Begins a sign-in for an MCP server; the page where the browser goes on with it. */
export function signInAtServer(name: string, deps: ApiDeps): Promise<McpSignInStarted> {
  return requestJson(`${serverPath(name)}/sign-in`, (v) => v.zMcpSignInStarted, {
    ...deps,
    method: 'POST',
  })
}

/** Forgets the sign-in of an MCP server. */
export function signOutAtServer(name: string, deps: ApiDeps): Promise<McpServer> {
  return requestJson(`${serverPath(name)}/sign-in`, (v) => v.zMcpServer, {
    ...deps,
    method: 'DELETE',
  })
}

const SERVERS = '/api/mcp-servers'

function serverPath(name: string): string {
  return `${SERVERS}/${encodeURIComponent(name)}`
}
