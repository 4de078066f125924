import { describe, expect, it } from 'vitest'

import { NEW_THREAD } from '@/stores/chat.store'
import type { ChatMessage } from '@/types/chat'

import { testChat, transcript } from '../support/chat'
import { FakeServer, done, message, problem, token } from '../support/server'
import { id } from '../support/values'

const THREAD = id(100)
const RUN = id(500)
const ANSWER = id(301)

/** A stored conversation of `pairs` questions and answers, one under the other. */
function history(pairs: number): ChatMessage[] {
  return Array.from({ length: pairs * 2 }, (_, n) =>
    message({
      id: id(200 + n),
      conversationId: THREAD,
      role: n % 2 === 0 ? 'user' : 'assistant',
      content: `m${n}`,
      createdAt: new Date(Date.UTC(2026, 0, 1) + n * 1000).toISOString(),
      ...(n > 0 && { parentId: id(199 + n) }),
    }),
  )
}

/** A server on which an answer is just being written: two tokens are in the stored message, its log has three. */
function growing() {
  const server = new FakeServer()
  const question = message({ id: id(300), conversationId: THREAD, content: 'Hi' })
  const answer = message({
    id: ANSWER,
    conversationId: THREAD,
    parentId: question.id,
    role: 'assistant',
    content: 'one two ',
    status: 'streaming',
    runId: RUN,
    seq: 3,
  })
  const log = {
    runId: RUN,
    conversationId: THREAD,
    events: [
      { type: 'message' as const, data: question },
      token(ANSWER, 'one '),
      token(ANSWER, 'two '),
      token(ANSWER, 'three '),
    ],
    readers: new Set<ReadableStreamDefaultController<Uint8Array>>(),
  }
  server.messages.push(question, answer)
  server.logs.set(RUN, log)
  return { server, log, answer }
}

describe('open', () => {
  it('loads the newest page, and older ones on demand', async () => {
    const test = testChat()
    test.server.pageSize = 4
    test.server.messages.push(...history(3))
    const opened = test.chat.open(THREAD)
    expect(test.thread(THREAD).load).toEqual({ kind: 'loading' })
    await opened
    expect(test.shown(THREAD).map((shown) => shown.content)).toEqual(['m2', 'm3', 'm4', 'm5'])
    expect(test.thread(THREAD).older).toEqual({ kind: 'available' })

    await test.chat.loadOlder(THREAD)
    expect(test.shown(THREAD).map((shown) => shown.content)).toEqual([
      'm0',
      'm1',
      'm2',
      'm3',
      'm4',
      'm5',
    ])
    expect(test.thread(THREAD).older).toEqual({ kind: 'none' })
  })

  it('says that a conversation is missing', async () => {
    const test = testChat()
    await test.chat.open(THREAD)
    expect(test.thread(THREAD).load).toEqual({ kind: 'missing' })
  })

  it('says why it failed, and works when asked again', async () => {
    const test = testChat()
    test.server.messages.push(...history(1))
    test.server.instead.push(() => problem(503, 'draining'))
    await test.chat.open(THREAD)
    expect(test.thread(THREAD).load).toMatchObject({
      kind: 'failed',
      failure: { code: 'draining' },
    })
    await test.chat.open(THREAD)
    expect(test.thread(THREAD).load).toEqual({ kind: 'ready' })
  })

  it('asks the server once when it is opened twice at a time', async () => {
    const test = testChat()
    test.server.messages.push(...history(1))
    await Promise.all([test.chat.open(THREAD), test.chat.open(THREAD)])
    expect(test.server.requests('GET', '/api/messages')).toHaveLength(1)
  })

  it('keeps what is shown when only the refresh fails', async () => {
    const test = testChat()
    test.server.messages.push(...history(1))
    await test.chat.open(THREAD)
    test.server.instead.push(() => problem(503, 'draining'))
    await test.chat.open(THREAD)
    expect(test.thread(THREAD).load).toEqual({ kind: 'ready' })
    expect(test.shown(THREAD)).toHaveLength(2)
  })

  it('starts over from a newest page that does not reach what is loaded', async () => {
    const test = testChat()
    test.server.pageSize = 2
    const all = history(4)
    test.server.messages.push(...all.slice(0, 2))
    await test.chat.open(THREAD)
    test.server.messages.push(...all.slice(2))
    await test.chat.refresh(THREAD)
    expect(test.shown(THREAD).map((shown) => shown.content)).toEqual(['m6', 'm7'])
    await test.chat.loadOlder(THREAD)
    await test.chat.loadOlder(THREAD)
    await test.chat.loadOlder(THREAD)
    expect(test.shown(THREAD)).toHaveLength(8)
  })

  it('brings back the draft that an earlier page kept', async () => {
    const test = testChat({ storage: { 'draft.new': 'half a thought' } })
    await test.chat.open(NEW_THREAD)
    expect(test.store.getState().drafts[NEW_THREAD]).toBe('half a thought')
  })
})

describe('an answer that is growing when its conversation is opened', () => {
  it('is shown as stored, and goes on from its number', async () => {
    const { server, log } = growing()
    const test = testChat({ server })
    await test.chat.open(THREAD)
    expect(transcript(test, THREAD)).toEqual(['user complete: Hi', 'assistant streaming: one two '])
    await test.frame()
    expect(server.requests('GET', `/api/realtime/${RUN}`)).toMatchObject([
      { query: { after: '3' } },
    ])
    expect(transcript(test, THREAD).at(-1)).toBe('assistant streaming: one two three ')

    server.append(log, token(ANSWER, 'four'), done(ANSWER))
    await test.frame()
    expect(transcript(test, THREAD).at(-1)).toBe('assistant complete: one two three four')
    expect(test.thread(THREAD).runs).toEqual([])
  })

  it('is followed by two tabs alike', async () => {
    const { server, log } = growing()
    const tabs = [testChat({ server }), testChat({ server })]
    for (const tab of tabs) await tab.chat.open(THREAD)
    server.append(log, token(ANSWER, 'four'), done(ANSWER))
    for (const tab of tabs) {
      await tab.frame()
      expect(transcript(tab, THREAD).at(-1)).toBe('assistant complete: one two three four')
    }
  })

  it('is followed once, and not set back by a refresh with an older page', async () => {
    const { server } = growing()
    const test = testChat({ server })
    await test.chat.open(THREAD)
    await test.frame()
    await test.chat.refresh(THREAD)
    await test.frame()
    expect(server.requests('GET', `/api/realtime/${RUN}`)).toHaveLength(1)
    expect(transcript(test, THREAD).at(-1)).toBe('assistant streaming: one two three ')
  })

  it('comes from the stored message when its log has expired', async () => {
    const { server, answer } = growing()
    const test = testChat({ server })
    server.instead.push(
      () => undefined,
      () => problem(410, 'run_log_expired'),
    )
    const opened = test.chat.open(THREAD)
    server.messages.splice(1, 1, { ...answer, content: 'all of it', status: 'complete' })
    await opened
    await test.frame()
    expect(transcript(test, THREAD).at(-1)).toBe('assistant complete: all of it')
    expect(test.thread(THREAD).runs).toEqual([])
  })

  it('does not spin when neither its log nor its message go on', async () => {
    const { server } = growing()
    server.logs.clear()
    const test = testChat({ server })
    await test.chat.open(THREAD)
    await test.frame()
    expect(test.shown(THREAD).at(-1)).toMatchObject({
      status: 'interrupted',
      content: 'one two ',
      runError: { code: 'not_found' },
    })
    await test.chat.refresh(THREAD)
    await test.frame()
    expect(server.requests('GET', '/api/realtime/')).toHaveLength(1)
  })

  it('makes room: the log of another thread is left, and taken up again when its thread is opened', async () => {
    const { server } = growing()
    const test = testChat({ server })
    await test.chat.open(THREAD)
    await test.frame()
    for (let n = 0; n < 4; n += 1) {
      test.chat.startNew()
      await test.chat.send({ thread: NEW_THREAD, text: `q${n}` })
    }
    expect(test.thread(THREAD).runs).toEqual([])
    await test.chat.open(THREAD)
    await test.frame()
    expect(server.requests('GET', `/api/realtime/${RUN}`)).toHaveLength(2)
    expect(transcript(test, THREAD).at(-1)).toBe('assistant streaming: one two three ')
  })
})

describe('a token', () => {
  it('changes its message and nothing else, once a frame', async () => {
    const { server, log } = growing()
    const test = testChat({ server })
    await test.chat.open(THREAD)
    await test.frame()

    const before = test.store.getState()
    let updates = 0
    const unsubscribe = test.store.subscribe(() => (updates += 1))
    for (const text of ['a', 'b', 'c', 'd', 'e']) server.append(log, token(ANSWER, text))
    await test.frame()
    unsubscribe()

    const after = test.store.getState()
    expect(updates).toBe(1)
    expect(after.messages[ANSWER]?.content).toBe('one two three abcde')
    expect(after.messages[id(300)]).toBe(before.messages[id(300)])
    expect(after.threads).toBe(before.threads)
  })
})
