import type { FieldError } from '@/types/api'
import type { CreateMcpServer, McpServer, McpTransport } from '@/types/servers'

/** A name and a value; a value that is known already is not told, and stays unless it is written anew. */
export interface Pair {
  readonly id: number
  readonly name: string
  readonly value: string
  readonly isKept: boolean
}

type HttpTransport = Extract<McpTransport, { type: 'http' }>

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
  /** What this server is called where people sign in for it; empty: it registers itself there. */
  readonly clientId: string
  /** Written anew; empty: it stays what it is. */
  readonly clientSecret: string
  /** With spaces between them. */
  readonly scopes: string
}

/** The form of a new server, or of one that is there. */
export function draftOf(server: McpServer | undefined): Draft {
  const empty: Draft = {
    name: '',
    type: 'stdio',
    command: '',
    args: '',
    url: '',
    pairs: [],
    clientId: '',
    clientSecret: '',
    scopes: '',
  }
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
    : {
        ...empty,
        name,
        type: 'http',
        url: transport.url,
        pairs,
        clientId: transport.oauth?.clientId ?? '',
        scopes: (transport.oauth?.scopes ?? []).join(' '),
      }
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
      : { type: 'http', url: draft.url.trim(), headers: secrets, ...clientOf(draft) }
  return { name: draft.name.trim(), transport }
}

function clientOf({ clientId, clientSecret, scopes }: Draft): Pick<HttpTransport, 'oauth'> {
  if (clientId.trim() === '') return {}
  return {
    oauth: {
      clientId: clientId.trim(),
      ...(clientSecret !== '' && { clientSecret }),
      scopes: scopes.split(/\s+/).filter((scope) => scope !== ''),
    },
  }
}

/** What the contract would not take, as the server names it: such a form is not sent. */
export function faultsOf(draft: Draft, isNew: boolean): FieldError[] {
  const { name, transport } = serverOf(draft)
  const faults: FieldError[] = []
  if (isNew && !/^[a-z0-9][a-z0-9-]{0,31}$/.test(name))
    faults.push({
      path: 'name',
      message: 'must be 1 to 32 of a-z, 0-9 and -, and begin with a letter or a digit',
    })
  if (transport.type === 'stdio' && transport.command === '')
    faults.push({ path: 'transport.command', message: 'is required' })
  if (transport.type === 'http' && transport.url === '')
    faults.push({ path: 'transport.url', message: 'is required' })
  return faults
}
