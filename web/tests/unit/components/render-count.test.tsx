import { act, render, screen } from '@testing-library/react'
import { Profiler, type ComponentType } from 'react'
import { beforeEach, expect, it, vi } from 'vitest'

import type * as Assistant from '@/components/chat/AssistantMessage'
import type * as User from '@/components/chat/UserMessage'
import { ChatComposer } from '@/components/ChatComposer'
import { HistoryPanel } from '@/components/history/HistoryPanel'
import { StreamContainer } from '@/components/StreamContainer'
import { chat, chatStore } from '@/stores/chat.store'
import { conversations } from '@/stores/conversations.store'
import type { ChatMessage, StreamChunk } from '@/types/chat'

import { FakeServer, message, token } from '../support/server'
import { id } from '../support/values'
import { stubLayout } from './layout'

const THREAD = id(100)
const RUN = id(500)
const ANSWER = id(399)

const { renders, counted } = vi.hoisted(() => {
  const renders: Record<string, number> = {}
  /** The real component, with a count of its renders beside it. */
  function counted<P extends { message: { id: string } }>(Real: ComponentType<P>) {
    return function Counted(props: P) {
      renders[props.message.id] = (renders[props.message.id] ?? 0) + 1
      return <Real {...props} />
    }
  }
  return { renders, counted }
})

vi.mock('@/components/chat/AssistantMessage', async (original) => {
  const real = await original<typeof Assistant>()
  return { AssistantMessage: counted(real.AssistantMessage) }
})
vi.mock('@/components/chat/UserMessage', async (original) => {
  const real = await original<typeof User>()
  return { UserMessage: counted(real.UserMessage) }
})

/** Ten questions with their answers; the last answer is still being written. */
function growing() {
  const server = new FakeServer()
  const messages = Array.from({ length: 20 }, (_, n): ChatMessage => {
    const last = n === 19
    return message({
      id: last ? ANSWER : id(300 + n),
      conversationId: THREAD,
      role: n % 2 === 0 ? 'user' : 'assistant',
      content: last ? 'Good' : `Text ${n}`,
      createdAt: new Date(Date.UTC(2026, 0, 1) + n * 1000).toISOString(),
      ...(n > 0 && { parentId: id(299 + n) }),
      ...(last && { status: 'streaming' as const, runId: RUN, seq: 2 }),
    })
  })
  const question = messages[18]
  if (question === undefined) throw new Error('no question')
  const log = {
    runId: RUN,
    conversationId: THREAD,
    events: [{ type: 'message', data: question }, token(ANSWER, 'Good')] as StreamChunk[],
    readers: new Set<ReadableStreamDefaultController<Uint8Array>>(),
  }
  server.messages.push(...messages)
  server.logs.set(RUN, log)
  server.conversations.push({
    id: THREAD,
    title: 'A talk',
    pinned: false,
    archived: false,
    createdAt: '2026-01-01T00:00:00.000Z',
    updatedAt: '2026-01-01T00:00:00.000Z',
    activeRunId: RUN,
  })
  return { server, log }
}

beforeEach(() => {
  stubLayout()
})

it('a token renders the one message it belongs to: no other, no composer, no history', async () => {
  const { server, log } = growing()
  vi.stubGlobal('fetch', server.fetch)
  await chat.open(THREAD)
  await conversations.load()

  const region = (name: string) => () => {
    renders[name] = (renders[name] ?? 0) + 1
  }
  const nothing = () => undefined
  await act(async () => {
    render(
      <>
        <Profiler id="history" onRender={region('history')}>
          <HistoryPanel thread={THREAD} onOpen={nothing} onNew={nothing} close={null} />
        </Profiler>
        <StreamContainer thread={THREAD} />
        <Profiler id="composer" onRender={region('composer')}>
          <ChatComposer thread={THREAD} state="ready" onSend={nothing} />
        </Profiler>
      </>,
    )
    await vi.waitFor(() => {
      expect(log.readers.size).toBe(1)
    })
  })
  expect(screen.getAllByRole('article')).toHaveLength(20)
  const before = { ...renders }
  expect(before['history']).toBeGreaterThan(0)
  expect(before['composer']).toBeGreaterThan(0)

  const tokens = [' day', ' to', ' you', ' all']
  for (const text of tokens) {
    await act(async () => {
      server.append(log, token(ANSWER, text))
      await vi.waitFor(() => {
        expect(chatStore.getState().messages[ANSWER]?.content).toMatch(new RegExp(`${text}$`))
      })
    })
  }

  expect(screen.getByText('Good day to you all')).toBeVisible()
  expect(renders).toEqual({ ...before, [ANSWER]: (before[ANSWER] ?? 0) + tokens.length })
})
