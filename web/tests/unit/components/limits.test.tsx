import { act, render, screen } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'

import ToolForm from '@/components/chat/ToolForm'

import { FakeServer, problem } from '../support/server'
import { tool } from '../support/tools'

beforeEach(() => {
  vi.useFakeTimers({ shouldAdvanceTime: true })
})

afterEach(() => {
  vi.useRealTimers()
})

it('a tool that was refused for a while counts down, keeps its arguments and comes alive again', async () => {
  const server = new FakeServer()
  vi.stubGlobal('fetch', server.fetch)
  server.instead.push(() => problem(429, 'rate_limited', { retryAfter: 30 }))
  const inputSchema = {
    type: 'object',
    required: ['text'],
    properties: { text: { type: 'string' } },
  }
  const user = userEvent.setup({ advanceTimers: vi.advanceTimersByTime })
  render(<ToolForm tool={tool('echo', { inputSchema })} onClose={() => undefined} />)
  const field = screen.getByRole('textbox')
  await user.type(field, 'Keep me')
  await user.click(screen.getByRole('button', { name: 'Run' }))
  expect(await screen.findByRole('alert')).toHaveTextContent('Too many requests.')
  expect(screen.getByRole('button', { name: /Try again in \d+ s/ })).toHaveAttribute(
    'aria-disabled',
    'true',
  )
  await user.type(field, '{Enter}')
  expect(server.requests('POST', '/api/tools/echo')).toHaveLength(1)
  await act(() => vi.advanceTimersByTimeAsync(31_000))
  await user.click(screen.getByRole('button', { name: 'Run' }))
  const [first, second] = server.requests('POST', '/api/tools/echo')
  expect(second?.body).toEqual(first?.body)
})
