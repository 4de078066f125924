import { beforeEach, describe, expect, it } from 'vitest'

import { draftOf, faultsOf, serverOf } from '@/components/tools/servers/draft'
import { BUSY_MS, CALM_MS, createServers } from '@/stores/servers.store'
import type { McpServer } from '@/types/servers'

import { FakeServer, json, problem } from '../support/server'
import { ManualClock, ManualVisibility, settle } from '../support/values'

const mcp = (name: string, fields: Partial<McpServer> = {}): McpServer => ({
  name,
  source: 'app',
  transport: { type: 'stdio', command: 'npx', args: ['-y', 'x'], env: { KEY: null } },
  enabled: true,
  status: 'ready',
  tools: [`${name}__read`],
  ...fields,
})

let server: FakeServer
let clock: ManualClock
let changes: number
let left: string[]
let list: ReturnType<typeof createServers>

const shown = () => list.store.getState().items.map(({ name, status }) => `${name} ${status}`)
const answer = (...items: McpServer[]) => server.instead.push(() => json({ items }))

beforeEach(() => {
  server = new FakeServer()
  clock = new ManualClock()
  changes = 0
  left = []
  list = createServers({
    fetch: server.fetch,
    clock,
    visibility: new ManualVisibility(),
    onTools: () => (changes += 1),
    leave: (url) => left.push(url),
  })
})

describe('the servers', () => {
  it('are looked at more often while one connects, and new tools are told of', async () => {
    answer(mcp('files', { status: 'connecting', tools: [] }))
    const leave = list.actions.watch()
    await settle()
    expect(shown()).toEqual(['files connecting'])
    answer(mcp('files'))
    await clock.advance(BUSY_MS)
    expect(shown()).toEqual(['files ready'])
    expect(changes).toBe(1)
    await clock.advance(CALM_MS - 1)
    expect(server.seen).toHaveLength(2)
    leave()
    expect(clock.pending).toBe(0)
  })

  it('are added where their name belongs, or the reason is told at the field', async () => {
    answer(mcp('b'))
    await list.actions.load()
    const { name, transport } = mcp('a')
    server.instead.push(() => json(mcp('a', { status: 'connecting', tools: [] })))
    await expect(list.actions.add({ name, transport })).resolves.toEqual({ ok: true })
    expect(shown()).toEqual(['a connecting', 'b ready'])
    server.instead.push(() => problem(409, 'name_taken'))
    await expect(list.actions.add({ name, transport })).resolves.toMatchObject({
      ok: false,
      failure: { code: 'name_taken' },
    })
  })

  it('that are removed are gone at once, also from a list that was on its way', async () => {
    answer(mcp('a'), mcp('b'))
    await list.actions.load()
    let late: (response: Response) => void = () => undefined
    server.instead.push(
      () => new Promise<Response>((resolve) => (late = resolve)),
      () => new Response(null, { status: 204 }),
    )
    const reading = list.actions.load()
    await list.actions.remove('a')
    late(json({ items: [mcp('a'), mcp('b')] }))
    await reading
    expect(shown()).toEqual(['b ready'])
  })
})

describe('a sign-in', () => {
  const far = mcp('far', {
    transport: { type: 'http', url: 'https://example.com/mcp', headers: {} },
    status: 'needs_sign_in',
    tools: [],
  })

  it('leads to the page of the other side, or tells why it does not', async () => {
    server.instead.push(() => json({ url: 'https://login.example.org/authorize?state=1' }))
    await expect(list.actions.connect('far')).resolves.toEqual({ ok: true })
    expect(left).toEqual(['https://login.example.org/authorize?state=1'])
    server.instead.push(() => problem(409, 'registration_needed'))
    await expect(list.actions.connect('far')).resolves.toMatchObject({
      ok: false,
      failure: { code: 'registration_needed' },
    })
    expect(left).toHaveLength(1)
  })

  it('that is given up is gone at once', async () => {
    const signIn = { since: '2026-01-31T12:00:00.000Z', scopes: ['read'] }
    answer({ ...far, status: 'ready', signIn })
    await list.actions.load()
    server.instead.push(() => json(far))
    await list.actions.disconnect('far')
    expect(list.store.getState().items[0]?.signIn).toBeUndefined()
    expect(shown()).toEqual(['far needs_sign_in'])
  })
})

describe('the form of a server', () => {
  it('keeps secrets that are not written anew, and drops what was left empty', () => {
    const draft = draftOf(mcp('files'))
    expect(serverOf(draft)).toEqual({
      name: 'files',
      transport: { type: 'stdio', command: 'npx', args: ['-y', 'x'], env: { KEY: null } },
    })
    const pairs = [
      ...draft.pairs.map((pair) => ({ ...pair, value: 'new' })),
      { id: 7, name: 'EMPTY', value: '', isKept: false },
      { id: 8, name: ' ', value: 'x', isKept: false },
    ]
    expect(serverOf({ ...draft, args: 'one\n\ntwo words', pairs }).transport).toEqual({
      type: 'stdio',
      command: 'npx',
      args: ['one', 'two words'],
      env: { KEY: 'new', EMPTY: '' },
    })
  })

  it('that the contract would not take is not sent', () => {
    const paths = (fields: Partial<ReturnType<typeof draftOf>>) =>
      faultsOf({ ...draftOf(mcp('files')), ...fields }, true).map(({ path }) => path)
    expect(paths({})).toEqual([])
    for (const name of ['', 'a_b', 'Files', '-a', 'x'.repeat(33)])
      expect(paths({ name }), name).toEqual(['name'])
    expect(paths({ command: ' ' })).toEqual(['transport.command'])
    expect(paths({ type: 'http', url: '' })).toEqual(['transport.url'])
  })

  it('keeps the secret of a client that is not written anew', () => {
    const transport = {
      type: 'http',
      url: 'https://example.com/mcp',
      headers: {},
      oauth: { clientId: 'weir', scopes: ['read', 'list'] },
    } as const satisfies McpServer['transport']
    const draft = draftOf(mcp('web', { transport }))
    expect(serverOf(draft).transport).toEqual(transport)
    expect(serverOf({ ...draft, clientSecret: 'new', scopes: ' read ' }).transport).toEqual({
      ...transport,
      oauth: { clientId: 'weir', clientSecret: 'new', scopes: ['read'] },
    })
    expect(serverOf({ ...draft, clientId: ' ' }).transport).not.toHaveProperty('oauth')
  })

  it('of a web address has headers', () => {
    const transport = {
      type: 'http',
      url: 'https://example.com/mcp',
      headers: { A: null },
    } as const
    expect(serverOf(draftOf(mcp('web', { transport }))).transport).toEqual(transport)
  })
})
