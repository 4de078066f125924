import { act, render, screen } from '@testing-library/react'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'

import { AutoRetry } from '@/components/chat/AutoRetry'
import { ChatMessage } from '@/components/ChatMessage'
import { chat, chatStore } from '@/stores/chat.store'

import { FakeServer, problem } from '../support/server'
import { settle } from '../support/values'

beforeEach(() => {
  vi.useFakeTimers({
    toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date'],
  })
})

afterEach(() => {
  vi.useRealTimers()
})

/** Everything that is ready to happen happens, and React shows it. */
async function pass(ms: number) {
  await act(async () => {
    vi.advanceTimersByTime(ms)
    await settle()
  })
}

it('sends a refused message again when the server has said to, with the same key and text', async () => {
  const server = new FakeServer()
  vi.stubGlobal('fetch', server.fetch)
  server.instead.push(() => problem(503, 'engine_busy', { retryAfter: 3 }))
  const outcome = await chat.send({ thread: 'new', text: 'Keep me' })
  expect(outcome.ok).toBe(false)
  const [id] = Object.keys(chatStore.getState().messages)
  if (id === undefined) throw new Error('the message is lost')

  render(
    <>
      <ChatMessage id={id} thread="new" last />
      <AutoRetry id={id} />
    </>,
  )
  expect(screen.getByText('Keep me')).toBeVisible()
  expect(screen.getByText('Trying again in 3 s')).toBeVisible()
  await pass(2_000)
  expect(screen.getByText('Trying again in 1 s')).toBeVisible()
  expect(server.requests('POST', '/api/realtime')).toHaveLength(1)

  await pass(1_500)
  const [first, second] = server.requests('POST', '/api/realtime')
  expect(second?.body).toEqual(first?.body)
  expect(second?.key).toBe(first?.key)
})
