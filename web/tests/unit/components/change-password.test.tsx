import { render, screen, waitFor } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { beforeEach, describe, expect, it, vi } from 'vitest'

import { PasswordSection } from '@/components/settings/PasswordSection'

import { me } from '../support/account'
import { FakeServer, problem } from '../support/server'
import { id } from '../support/values'

let server: FakeServer

beforeEach(() => {
  server = new FakeServer()
  vi.stubGlobal('fetch', server.fetch)
})

function tokenList(count: number): Response {
  const token = (n: number) => ({
    id: id(n),
    name: `Token ${n}`,
    scopes: ['read'],
    createdAt: '2026-01-30T12:00:00.000Z',
  })
  return Response.json({ items: Array.from({ length: count }, (_, n) => token(n + 1)) })
}

async function changePassword() {
  server.instead.push(() => new Response(null, { status: 204 }))
  await userEvent.type(screen.getByLabelText('Current password'), 'nine quiet otters weave')
  await userEvent.type(screen.getByLabelText('New password'), 'a heron waits below')
  await userEvent.click(screen.getByRole('button', { name: 'Change password' }))
  await waitFor(() => {
    expect(server.requests('PUT', '/api/me/password')).toHaveLength(1)
  })
  return server.requests('PUT', '/api/me/password')[0]?.body
}

const question = () => screen.queryByRole('checkbox', { name: /Also revoke my/ })

describe('the change of a password', () => {
  // First: a list that was loaded once stays when a later load fails.
  it('asks without a number when the list cannot be loaded', async () => {
    server.instead.push(() => problem(503, 'database_unavailable'))
    render(<PasswordSection me={me()} />)
    expect(await screen.findByText('Also revoke my API tokens')).toBeVisible()
    expect(await changePassword()).toMatchObject({ revokeTokens: true })
  })

  it('asks whether the API tokens end too, and revokes them unless told otherwise', async () => {
    server.instead.push(() => tokenList(2))
    render(<PasswordSection me={me()} />)
    expect(await screen.findByText('Also revoke my 2 API tokens')).toBeVisible()
    expect(question()).toBeChecked()
    expect(await changePassword()).toEqual({
      current: 'nine quiet otters weave',
      new: 'a heron waits below',
      revokeTokens: true,
    })
  })

  it('leaves the API tokens when the person says so', async () => {
    server.instead.push(() => tokenList(1))
    render(<PasswordSection me={me()} />)
    await userEvent.click(await screen.findByText('Also revoke my 1 API token'))
    expect(question()).not.toBeChecked()
    expect(await changePassword()).toMatchObject({ revokeTokens: false })
  })

  it('does not ask where there are no tokens', async () => {
    server.instead.push(() => tokenList(0))
    render(<PasswordSection me={me()} />)
    await waitFor(() => {
      expect(server.requests('GET', '/api/me/tokens')).toHaveLength(1)
    })
    expect(question()).toBeNull()
    expect(await changePassword()).toMatchObject({ revokeTokens: false })
  })
})
