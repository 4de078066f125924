import { act, render, screen } from '@testing-library/react'
import { expect, it, vi } from 'vitest'

import {
  chat,
  useActiveRun,
  useMessage,
  useSiblings,
  useThreadKeys,
  useThreadPath,
} from '@/stores/chat.store'

import { FakeServer, done, message, token } from '../support/server'
import { id } from '../support/values'

const THREAD = id(100)
const QUESTION = id(300)
const ANSWER = id(301)
const RUN = id(500)

it('a token renders the message it belongs to, and nothing else', async () => {
  const server = new FakeServer()
  vi.stubGlobal('fetch', server.fetch)
  const question = message({ id: QUESTION, conversationId: THREAD, content: 'Hi' })
  const answer = message({
    id: ANSWER,
    conversationId: THREAD,
    parentId: QUESTION,
    role: 'assistant',
    content: 'Good',
    status: 'streaming',
    runId: RUN,
    seq: 2,
  })
  const log = {
    runId: RUN,
    conversationId: THREAD,
    events: [{ type: 'message' as const, data: question }, token(ANSWER, 'Good')],
    readers: new Set<ReadableStreamDefaultController<Uint8Array>>(),
  }
  server.messages.push(question, answer)
  server.logs.set(RUN, log)
  await chat.open(THREAD)

  const renders: Record<string, number> = {}
  const count = (name: string) => (renders[name] = (renders[name] ?? 0) + 1)

  function Message({ name }: { name: string }) {
    const shown = useMessage(name)
    useSiblings(name)
    count(name)
    return <p>{shown?.content}</p>
  }
  function Thread() {
    const path = useThreadPath(THREAD)
    const keys = useThreadKeys(THREAD)
    useActiveRun(THREAD)
    count('thread')
    return path.map((name, index) => <Message key={keys[index] ?? name} name={name} />)
  }
  render(<Thread />)
  await vi.waitFor(() => {
    expect(log.readers.size).toBe(1)
  })
  const before = { ...renders }

  for (const text of [' day', ' to', ' you']) {
    server.append(log, token(ANSWER, text))
    await act(() => vi.waitFor(() => screen.getByText(new RegExp(`${text}$`))))
  }
  expect(renders).toEqual({ ...before, [ANSWER]: (before[ANSWER] ?? 0) + 3 })

  server.append(log, done(ANSWER))
  await act(() =>
    vi.waitFor(() => {
      expect(renders['thread']).toBeGreaterThan(before['thread'] ?? 0)
    }),
  )
})
