import { render, screen } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { beforeEach, describe, expect, it, vi } from 'vitest'

import { ServerSignIn } from '@/components/tools/servers/ServerSignIn'
import { serversStore } from '@/stores/servers.store'
import type { McpServer } from '@/types/servers'

import { FakeServer, json, problem } from '../support/server'

let server: FakeServer
const onEdit = vi.fn()

const far = (fields: Partial<McpServer> = {}): McpServer => ({
  name: 'far',
  source: 'app',
  transport: { type: 'http', url: 'https://example.com/mcp', headers: {} },
  enabled: true,
  status: 'needs_sign_in',
  tools: [],
  ...(fields.status === undefined && { error: 'It asks for a sign-in. Connect it.' }),
  ...fields,
})
const signIn = {
  since: '2026-01-31T12:00:00.000Z',
  issuer: 'https://login.example.org',
  scopes: ['read'],
}
const show = (shown: McpServer, connect?: string) =>
  render(<ServerSignIn server={shown} connect={connect} onEdit={onEdit} />)

beforeEach(() => {
  onEdit.mockReset()
  serversStore.setState({ load: { kind: 'ready' }, items: [], logs: {} })
  server = new FakeServer()
  vi.stubGlobal('fetch', server.fetch)
})

describe('the sign-in of a server', () => {
  it('is not shown where nobody is asked for one', () => {
    const { container } = show(far({ status: 'ready' }))
    expect(container).toBeEmptyDOMElement()
  })

  it('says why it is needed; where nobody can register, the way to a client ID is there', async () => {
    show(far())
    expect(screen.getByText('It asks for a sign-in. Connect it.')).toBeVisible()
    expect(screen.queryByRole('button', { name: 'Set a client ID' })).toBeNull()
    server.instead.push(() => problem(409, 'registration_needed'))
    await userEvent.click(screen.getByRole('button', { name: 'Connect' }))
    expect(await screen.findByRole('alert')).toBeVisible()
    await userEvent.click(screen.getByRole('button', { name: 'Set a client ID' }))
    expect(onEdit).toHaveBeenCalledOnce()
    expect(server.requests('POST', '/api/mcp-servers/far/sign-in')).toHaveLength(1)
  })

  it('that a header stands in the way of has no button', () => {
    const headers = { authorization: null }
    show(far({ transport: { type: 'http', url: 'https://example.com/mcp', headers } }))
    expect(screen.queryByRole('button')).toBeNull()
  })

  it('tells who it is from and what is missing, and can be given up', async () => {
    show(far({ status: 'ready', signIn: { ...signIn, missing: ['write'] } }))
    expect(screen.getByText(/Signed in at https:\/\/login\.example\.org since/)).toHaveTextContent(
      'for read.',
    )
    expect(screen.getByText(/has asked for more: write\./)).toBeVisible()
    expect(screen.getByRole('button', { name: 'Connect again' })).toBeVisible()
    server.instead.push(() => json(far()))
    await userEvent.click(screen.getByRole('button', { name: 'Disconnect' }))
    expect(server.requests('DELETE', '/api/mcp-servers/far/sign-in')).toHaveLength(1)
    expect(serversStore.getState().items[0]?.status).toBe('needs_sign_in')
  })

  it.each([
    ['denied', /said no/],
    ['failed', /The log below says why/],
    ['expired', /more than ten minutes ago/],
  ])('that ended with “%s” says what to do, once', (connect, words) => {
    window.history.replaceState(null, '', `/tools?view=servers&server=far&connect=${connect}`)
    show(far(), connect)
    expect(screen.getByRole('alert')).toHaveTextContent(words)
    expect(window.location.search).toBe('?view=servers&server=far')
  })

  it('that worked, or ended with a word that nobody knows, says nothing more', () => {
    show(far({ status: 'ready' }), 'done')
    show(far({ status: 'ready' }), '<b>evil</b>')
    expect(screen.queryByRole('alert')).toBeNull()
  })
})
