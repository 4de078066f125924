import { render, screen, waitFor } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { renderToString } from 'react-dom/server'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { CreateAccountForm } from '@/components/account/CreateAccountForm'
import { SignInForm } from '@/components/account/SignInForm'

import { FakeServer, problem } from '../support/server'

let server: FakeServer

beforeEach(() => {
  server = new FakeServer()
  vi.stubGlobal('fetch', server.fetch)
})

afterEach(() => {
  vi.useRealTimers()
})

const email = () => screen.getByLabelText<HTMLInputElement>('E-mail address')
const password = () => screen.getByLabelText<HTMLInputElement>('Password')

describe('the sign-in', () => {
  it('names the fields that are empty, and moves to the first of them', async () => {
    render(<SignInForm />)
    await userEvent.click(screen.getByRole('button', { name: 'Sign in' }))
    expect(email()).toHaveAccessibleDescription('Must not be empty.')
    await waitFor(() => {
      expect(email()).toHaveFocus()
    })
    await userEvent.type(email(), 'a')
    expect(email()).toHaveAccessibleDescription('')
    expect(server.seen).toEqual([])
  })

  it('sends what was entered before the page was hydrated', async () => {
    const container = document.body.appendChild(document.createElement('div'))
    container.innerHTML = renderToString(<SignInForm />)
    email().value = 'ada@example.org'
    password().value = 'nine quiet otters weave'
    server.instead.push(() => problem(401, 'invalid_credentials'))
    render(<SignInForm />, { container, hydrate: true })
    await userEvent.click(screen.getByRole('button', { name: 'Sign in' }))
    await screen.findByRole('alert')
    expect(server.seen).toHaveLength(1)
    expect(server.seen[0]?.body).toEqual({
      email: 'ada@example.org',
      password: 'nine quiet otters weave',
    })
  })

  it('says that the credentials are wrong, and keeps them', async () => {
    server.instead.push(() => problem(401, 'invalid_credentials'))
    render(<SignInForm />)
    await userEvent.type(email(), 'ada@example.org')
    await userEvent.type(password(), 'not it, surely{Enter}')
    expect(await screen.findByRole('alert')).toHaveTextContent('It was invalid_credentials.')
    expect([email().value, password().value]).toEqual(['ada@example.org', 'not it, surely'])
  })

  it('counts down after too many attempts, sends nothing meanwhile, and comes alive again', async () => {
    vi.useFakeTimers({ shouldAdvanceTime: true })
    const user = userEvent.setup({ advanceTimers: vi.advanceTimersByTime })
    server.instead.push(() => problem(429, 'too_many_attempts', { retryAfter: 20 }))
    render(<SignInForm />)
    await user.type(email(), 'ada@example.org')
    await user.type(password(), 'not it, surely{Enter}')
    const waiting = await screen.findByRole('button', { name: /Try again in \d+ s/ })
    expect(waiting).toHaveAttribute('aria-disabled', 'true')
    await user.type(password(), '{Enter}')
    expect(server.seen).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(21_000)
    expect(screen.getByRole('button', { name: 'Sign in' })).toHaveAttribute(
      'aria-disabled',
      'false',
    )
    expect(password().value).toBe('not it, surely')
  })

  it('shows the password to who wants to see it', async () => {
    render(<SignInForm />)
    expect(password()).toHaveAttribute('type', 'password')
    await userEvent.click(screen.getByRole('button', { name: 'Show password' }))
    expect(password()).toHaveAttribute('type', 'text')
  })
})

describe('a new account', () => {
  const fill = async () => {
    await userEvent.type(screen.getByLabelText('Your name'), 'Ada')
    await userEvent.type(email(), 'ada@example.org')
    await userEvent.type(password(), 'password1234')
    await userEvent.click(screen.getByRole('button', { name: 'Create account' }))
  }

  it('says what the password lacks, before it is sent and when the server refuses it', async () => {
    server.instead.push(() =>
      problem(422, 'invalid', {
        errors: [{ path: 'password', message: 'is among those that everybody tries' }],
      }),
    )
    render(<CreateAccountForm kind="join" action="Create account" secret="s" />)
    await userEvent.type(password(), 'eleven char')
    expect(password()).toHaveAccessibleDescription('1 more character.')
    await userEvent.clear(password())
    await fill()
    await waitFor(() => {
      expect(password()).toHaveAccessibleDescription('Is among those that everybody tries.')
    })
    expect(password()).toBeInvalid()
    expect(screen.queryByRole('alert')).toBeNull()
  })

  it('says at the address that it is taken', async () => {
    server.instead.push(() => problem(409, 'email_taken'))
    render(<CreateAccountForm kind="join" action="Create account" secret="s" />)
    await fill()
    await waitFor(() => {
      expect(email()).toHaveAccessibleDescription(/Belongs to an account already/)
    })
    expect(server.requests('POST', '/api/auth/join')).toHaveLength(1)
  })
})
