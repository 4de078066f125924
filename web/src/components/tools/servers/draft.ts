import type { CreateMcpServer, McpServer, McpTransport } from '@/types/servers'

/** A name and a value; a value that is known already is not told, and stays unless it is written anew. */
export interface Pair {
  readonly id: number
  readonly name: string
  readonly value: string
  readonly isKept: boolean
}

/** What stands in the form of a server. */
export interface Draft {
  readonly name: string
  readonly type: McpTransport['type']
  readonly command: string
  /** One argument a line. */
  readonly args: string
  readonly url: string
  /** Variables of the environment, or headers. */
  readonly pairs: readonly Pair[]
}

/** The form of a new server, or of one that is there. */
export function draftOf(server: McpServer | undefined): Draft {
  const empty: Draft = { name: '', type: 'stdio', command: '', args: '', url: '', pairs: [] }
  if (!server) return empty
  const { name, transport } = server
  const secrets = (transport.type === 'stdio' ? transport.env : transport.headers) ?? {}
  const pairs = Object.keys(secrets).map((key, id) => ({ id, name: key, value: '', isKept: true }))
  return transport.type === 'stdio'
    ? {
        ...empty,
        name,
        type: 'stdio',
        command: transport.command,
        args: (transport.args ?? []).join('\n'),
        pairs,
      }
    : { ...empty, name, type: 'http', url: transport.url, pairs }
}

/** What is sent for a form. */
export function serverOf(draft: Draft): Pick<CreateMcpServer, 'name' | 'transport'> {
  const secrets = Object.fromEntries(
    draft.pairs
      .filter(({ name }) => name.trim() !== '')
      .map(({ isKept, name, value }) => [name.trim(), isKept && value === '' ? null : value]),
  )
  const transport: McpTransport =
    draft.type === 'stdio'
      ? {
          type: 'stdio',
          command: draft.command.trim(),
          args: draft.args.split('\n').filter((line) => line !== ''),
          env: secrets,
        }
      : { type: 'http', url: draft.url.trim(), headers: secrets }
  return { name: draft.name.trim(), transport }
}
