import { beforeEach, describe, expect, it } from 'vitest'

import { NEW_THREAD } from '@/stores/chat.store'
import type { StreamChunk } from '@/types/chat'

import { type TestChat, testChat, transcript } from '../support/chat'
import { done, message, problem, token } from '../support/server'
import { id, settle } from '../support/values'

const ANSWER = id(900)

let test: TestChat
let conversation: string | undefined

beforeEach(() => {
  test = testChat()
  conversation = undefined
})

const send = (text = 'Hi', thread: string = NEW_THREAD) =>
  test.chat.send({
    thread,
    text,
    model: 'embedded/small',
    onConversation: (made) => (conversation = made),
  })

const answerWith = (...texts: string[]) => {
  answerAs(ANSWER, ...texts)
}

const answerAs = (answer: string, ...texts: string[]) => {
  const log = test.server.newest
  const [question] = log.events
  if (question?.type !== 'message') throw new Error('no question')
  test.server.append(
    log,
    ...texts.map((text) => token(answer, text)),
    {
      type: 'message',
      data: message({
        id: answer,
        conversationId: log.conversationId,
        parentId: question.data.id,
        role: 'assistant',
        content: texts.join(''),
        runId: log.runId,
      }),
    },
    done(answer),
  )
}

describe('send', () => {
  it('shows the message at once, before the server has answered', () => {
    void send()
    expect(test.shown(NEW_THREAD)).toMatchObject([
      { content: 'Hi', role: 'user', delivery: 'sending' },
    ])
    expect(test.thread(NEW_THREAD).runs).toMatchObject([{ phase: 'sending' }])
  })

  it('makes the new thread a conversation, and keeps the React key of its first message', async () => {
    const sent = send()
    const key = test.shown(NEW_THREAD)[0]?.key
    await expect(sent).resolves.toEqual({ ok: true })
    await test.frame()
    expect(conversation).toBe(test.server.newest.conversationId)
    expect(test.shown(conversation ?? '')).toMatchObject([
      { content: 'Hi', delivery: 'stored', key },
    ])
    expect(test.store.getState().threads[NEW_THREAD]).toBeUndefined()
    expect(test.thread(conversation ?? '').runs).toMatchObject([{ phase: 'reading' }])
  })

  it('grows the answer, then ends its run', async () => {
    await send()
    test.server.append(test.server.newest, token(ANSWER, 'Good '))
    await test.frame()
    expect(transcript(test, conversation ?? '')).toEqual([
      'user complete: Hi',
      'assistant streaming: Good ',
    ])
    expect(test.thread(conversation ?? '').runs).toMatchObject([
      { phase: 'writing', messageId: ANSWER },
    ])

    answerWith('', 'day')
    await test.frame()
    expect(test.shown(conversation ?? '').at(-1)).toMatchObject({
      status: 'complete',
      finishReason: 'stop',
    })
    expect(test.thread(conversation ?? '').runs).toEqual([])
    expect(test.activity).toEqual([conversation, conversation])
  })

  it('puts the next message under the newest shown answer', async () => {
    await send()
    answerWith('Hello')
    await test.frame()
    await send('More', conversation)
    expect(test.server.requests('POST', '/api/realtime')[1]?.body).toEqual({
      prompt: 'More',
      conversationId: conversation,
      parentId: ANSWER,
      model: 'embedded/small',
    })
  })

  it('refuses a second message while an answer is being made, and keeps its draft', async () => {
    await send()
    test.chat.setDraft(conversation ?? '', 'next')
    await expect(send('next', conversation)).resolves.toMatchObject({
      ok: false,
      failure: { code: 'busy' },
    })
    expect(test.store.getState().drafts[conversation ?? '']).toBe('next')
    expect(test.server.requests('POST', '/api/realtime')).toHaveLength(1)
  })

  it('starts nothing twice when the connection breaks before the headers', async () => {
    test.server.instead.push((seen) => {
      // The server has got it, and its answer is lost on the way.
      void test.server.fetch(`http://weir.test${seen.path}`, {
        method: 'POST',
        body: JSON.stringify(seen.body),
        headers: { 'idempotency-key': seen.key ?? '' },
      })
      return Promise.reject(new TypeError('connection reset'))
    })
    const sent = send()
    await test.clock.advance(10_000)
    await expect(sent).resolves.toEqual({ ok: true })
    expect(test.server.logs.size).toBe(1)
    answerWith('once')
    await test.frame()
    expect(transcript(test, conversation ?? '')).toEqual([
      'user complete: Hi',
      'assistant complete: once',
    ])
  })

  it('waits for the network, and goes out with it', async () => {
    await test.network.set(false)
    test.server.instead.push(() => Promise.reject(new TypeError('offline')))
    void send()
    await test.clock.advance(3_600_000)
    expect(test.shown(NEW_THREAD)).toMatchObject([{ delivery: 'waiting' }])
    expect(test.thread(NEW_THREAD).runs).toMatchObject([{ phase: 'waiting' }])
    await test.network.set(true)
    await test.frame()
    expect(test.shown(conversation ?? '')).toMatchObject([{ content: 'Hi', delivery: 'stored' }])
  })
})

describe('texts that the server has not confirmed', () => {
  const reloaded = async (thread: string) => {
    const page = testChat({ server: test.server, storage: test.storage.entries })
    await page.chat.open(thread)
    return page.store.getState().drafts[thread]
  }
  const goOffline = async () => {
    await test.network.set(false)
    test.server.instead.push(() => Promise.reject(new TypeError('offline')))
  }

  it('come back after a reload, above the draft that was written after them', async () => {
    await goOffline()
    void send('Sent offline')
    await settle()
    test.chat.setDraft(NEW_THREAD, 'The next thought')
    await expect(reloaded(NEW_THREAD)).resolves.toBe('Sent offline\nThe next thought')
    test.chat.setDraft(NEW_THREAD, '')
    await expect(reloaded(NEW_THREAD)).resolves.toBe('Sent offline')
    await test.network.set(true)
    await expect(reloaded(NEW_THREAD)).resolves.toBe('')
    await expect(reloaded(conversation ?? '')).resolves.toBe('')
  })

  it('come back after a reload when the server refused them, also an edited version', async () => {
    await send('First')
    answerWith('One')
    await test.frame()
    const thread = conversation ?? ''
    test.chat.setDraft(thread, 'Next')
    test.server.instead.push(() => problem(503, 'draining'))
    await test.chat.edit({ thread, messageId: test.shown(thread)[0]?.id ?? '', text: 'Other' })
    test.chat.setDraft(thread, 'Next thought')
    await expect(reloaded(thread)).resolves.toBe('Other\nNext thought')
    await test.chat.retry(test.shown(thread)[0]?.id ?? '')
    await expect(reloaded(thread)).resolves.toBe('Next thought')
  })

  it('go into the draft when a refresh replaces the messages that were loaded', async () => {
    await send('First')
    answerWith('One')
    await test.frame()
    const thread = conversation ?? ''
    test.server.instead.push(() => problem(503, 'draining'))
    await send('Refused', thread)
    test.server.pageSize = 2
    for (let n = 0; n < 3; n += 1)
      test.server.messages.push(message({ id: id(600 + n), conversationId: thread }))
    await test.chat.refresh(thread)
    expect(test.store.getState().drafts[thread]).toBe('Refused')
    await expect(reloaded(thread)).resolves.toBe('Refused')
  })
})

describe('a message that cannot be sent', () => {
  it('keeps its text and says when to come back; the same start is sent again', async () => {
    test.server.instead.push(() => problem(429, 'rate_limited', { retryAfter: 7 }))
    await send()
    expect(test.shown(NEW_THREAD)).toMatchObject([
      {
        content: 'Hi',
        delivery: 'failed',
        failure: { code: 'rate_limited', retryAt: test.clock.now() + 7000 },
      },
    ])
    expect(test.thread(NEW_THREAD).runs).toEqual([])
    expect(test.storage.entries).toEqual({ 'draft.new': 'Hi' })

    await expect(test.chat.retry(test.shown(NEW_THREAD)[0]?.id ?? '')).resolves.toEqual({
      ok: true,
    })
    await test.frame()
    const [first, second] = test.server.requests('POST', '/api/realtime')
    expect(second).toEqual(first)
    expect(test.shown(conversation ?? '')).toMatchObject([{ content: 'Hi', delivery: 'stored' }])
    expect(test.storage.entries).toEqual({})
  })

  it('gives up after some tries, and can be taken back into the draft', async () => {
    test.server.instead.push(
      ...Array.from({ length: 6 }, () => () => Promise.reject(new TypeError('refused'))),
    )
    const sent = send()
    await test.clock.advance(60_000)
    await expect(sent).resolves.toMatchObject({ ok: false, failure: { kind: 'offline' } })
    expect(new Set(test.server.seen.map((seen) => seen.key)).size).toBe(1)

    test.chat.setDraft(NEW_THREAD, 'later')
    test.chat.discard(test.shown(NEW_THREAD)[0]?.id ?? '')
    expect(test.shown(NEW_THREAD)).toEqual([])
    expect(test.store.getState().drafts[NEW_THREAD]).toBe('Hi\nlater')
  })

  it('blocks the messages after it', async () => {
    test.server.instead.push(() => problem(503, 'draining'))
    await send()
    await expect(send('next')).resolves.toMatchObject({ ok: false, failure: { code: 'unsent' } })
  })
})

describe('stop', () => {
  it('asks the server, and shows what its log says', async () => {
    await send()
    const log = test.server.newest
    test.server.append(log, token(ANSWER, 'half'))
    await test.frame()
    await test.chat.stop(conversation ?? '')
    expect(test.server.requests('DELETE', `/api/realtime/${log.runId}`)).toHaveLength(1)
    expect(test.thread(conversation ?? '').runs).toMatchObject([{ stopping: true }])
    test.server.append(log, { type: 'done', data: { id: ANSWER, finishReason: 'cancelled' } })
    await test.frame()
    expect(transcript(test, conversation ?? '').at(-1)).toBe('assistant cancelled: half')
  })

  it('goes back to writing when the server cannot be told', async () => {
    await send()
    test.server.append(test.server.newest, token(ANSWER, 'half'))
    await test.frame()
    test.server.instead.push(() => Promise.reject(new TypeError('refused')))
    await expect(test.chat.stop(conversation ?? '')).resolves.toMatchObject({
      ok: false,
      failure: { kind: 'offline' },
    })
    expect(test.thread(conversation ?? '').runs).toMatchObject([{ phase: 'writing' }])
  })

  it('that fails takes back nothing but itself: the answer has begun meanwhile', async () => {
    await send()
    await test.frame()
    let refuse: (error: Error) => void = () => undefined
    test.server.instead.push(() => new Promise((_, reject) => (refuse = reject)))
    const stopped = test.chat.stop(conversation ?? '')
    test.server.append(test.server.newest, token(ANSWER, 'half'))
    await test.frame()
    expect(test.thread(conversation ?? '').runs).toMatchObject([{ stopping: true }])
    refuse(new TypeError('refused'))
    await stopped
    const [run] = test.thread(conversation ?? '').runs
    expect(run).toMatchObject({ phase: 'writing', messageId: ANSWER })
    expect(run).not.toHaveProperty('stopping')
  })

  it('before the run has an id can be repeated when the server could not be told', async () => {
    test.server.instead.push(
      () => undefined,
      () => Promise.reject(new TypeError('refused')),
    )
    const sent = send()
    await test.chat.stop(NEW_THREAD)
    await sent
    await settle()
    expect(test.thread(conversation ?? '').runs[0]).not.toHaveProperty('stopping')
  })

  it('before the run has an id stops it as soon as it has one', async () => {
    const sent = send()
    await test.chat.stop(NEW_THREAD)
    await sent
    await settle()
    expect(
      test.server.requests('DELETE', `/api/realtime/${test.server.newest.runId}`),
    ).toHaveLength(1)
  })

  it('without a network gives the message back', async () => {
    await test.network.set(false)
    test.server.instead.push(() => Promise.reject(new TypeError('offline')))
    const sent = send()
    await settle()
    await test.chat.stop(NEW_THREAD)
    await expect(sent).resolves.toMatchObject({ ok: false, failure: { code: 'stopped' } })
    expect(test.shown(NEW_THREAD)).toMatchObject([{ content: 'Hi', delivery: 'failed' }])
  })
})

describe('regenerate', () => {
  it('answers the stored message anew, hides the old answer meanwhile, and offers both', async () => {
    await send()
    answerWith('first')
    await test.frame()
    const thread = conversation ?? ''
    const question = test.shown(thread)[0]?.id

    await test.chat.regenerate({ thread, messageId: ANSWER })
    expect(test.server.requests('POST', '/api/realtime')[1]?.body).toEqual({
      conversationId: thread,
      parentId: question,
    })
    expect(transcript(test, thread)).toEqual(['user complete: Hi'])

    test.server.append(test.server.newest, token(id(901), 'second'))
    await test.frame()
    expect(transcript(test, thread)).toEqual(['user complete: Hi', 'assistant streaming: second'])
    expect(test.thread(thread).siblings[id(901)]).toEqual({ ids: [ANSWER, id(901)], index: 1 })

    test.chat.selectSibling(ANSWER)
    expect(transcript(test, thread)).toEqual(['user complete: Hi', 'assistant complete: first'])
  })

  it('leaves everything as it was when the server refuses', async () => {
    await send()
    answerWith('first')
    await test.frame()
    test.server.instead.push(() => problem(503, 'draining', { retryAfter: 1 }))
    const outcome = await test.chat.regenerate({ thread: conversation ?? '', messageId: ANSWER })
    expect(outcome).toMatchObject({ ok: false, failure: { code: 'draining' } })
    expect(transcript(test, conversation ?? '')).toEqual([
      'user complete: Hi',
      'assistant complete: first',
    ])
  })
})

describe('edit', () => {
  const exchange = async () => {
    await send('First')
    answerWith('One')
    await test.frame()
    await send('Second', conversation)
    answerAs(id(901), 'Two')
    await test.frame()
    return test.shown(conversation ?? '').map((message) => message.id)
  }

  it('shows the new version at once in its place, and sends it as one', async () => {
    const [, reply, second] = await exchange()
    const edited = test.chat.edit({
      thread: conversation ?? '',
      messageId: second ?? '',
      text: 'Other',
    })
    expect(transcript(test, conversation ?? '')).toEqual([
      'user complete: First',
      'assistant complete: One',
      'user complete: Other',
    ])
    await edited
    expect(test.server.requests('POST', '/api/realtime').at(-1)?.body).toEqual({
      prompt: 'Other',
      conversationId: conversation,
      editOf: second,
    })
    await test.frame()
    expect(test.shown(conversation ?? '').at(-1)).toMatchObject({
      parentId: reply,
      content: 'Other',
    })
  })

  it('makes a branch that can be left and come back to, at the root too', async () => {
    const [first] = await exchange()
    const thread = conversation ?? ''
    await test.chat.edit({ thread, messageId: first ?? '', text: 'Anew' })
    await test.frame()
    expect(transcript(test, thread)).toEqual(['user complete: Anew'])
    const root = test.shown(thread)[0]
    expect(root).not.toHaveProperty('parentId')
    expect(test.thread(thread).siblings[root?.id ?? '']).toEqual({
      ids: [first, root?.id],
      index: 1,
    })
    test.chat.selectSibling(first ?? '')
    expect(transcript(test, thread)[0]).toBe('user complete: First')
  })

  it('is refused while an answer is being made', async () => {
    const [first] = await exchange()
    const thread = conversation ?? ''
    await send('Third', thread)
    const outcome = await test.chat.edit({ thread, messageId: first ?? '', text: 'Anew' })
    expect(outcome).toMatchObject({ ok: false, failure: { code: 'busy' } })
    expect(test.server.requests('POST', '/api/realtime')).toHaveLength(3)
  })

  it('keeps the text and says why when the server refuses it', async () => {
    const [first] = await exchange()
    const thread = conversation ?? ''
    test.server.instead.push(() => problem(429, 'rate_limited', { retryAfter: 30 }))
    await test.chat.edit({ thread, messageId: first ?? '', text: 'Anew' })
    expect(test.shown(thread)).toMatchObject([{ content: 'Anew', delivery: 'failed' }])
  })
})

describe('an answer that begins with a call', () => {
  const call: StreamChunk = {
    type: 'tool-status',
    data: { id: id(700), name: 'wait', status: 'queued', args: { seconds: 1 } },
  }

  it('is one answer, with one React key, from the call to its name', async () => {
    await send()
    const thread = conversation ?? ''
    test.server.append(test.server.newest, call)
    await test.frame()
    const before = test.shown(thread).at(-1)
    expect(before).toMatchObject({ role: 'assistant', status: 'streaming', content: '' })
    test.server.append(test.server.newest, token(ANSWER, 'There.'))
    await test.frame()
    const after = test.shown(thread).at(-1)
    expect(after).toMatchObject({ id: ANSWER, key: before?.key, content: 'There.' })
    expect(after?.toolCalls).toHaveLength(1)
    expect(test.thread(thread).ids).toHaveLength(2)
    expect(test.thread(thread).runs).toMatchObject([{ messageId: ANSWER }])
  })

  it('is the same one in a page of the server that has its name already', async () => {
    await send()
    const thread = conversation ?? ''
    const log = test.server.newest
    test.server.append(log, call)
    await test.frame()
    const [question] = test.server.messages
    test.server.messages.push(
      message({
        id: ANSWER,
        conversationId: thread,
        parentId: question?.id ?? '',
        role: 'assistant',
        status: 'streaming',
        runId: log.runId,
        seq: 1,
      }),
    )
    await test.chat.refresh(thread)
    expect(test.thread(thread).ids).toHaveLength(2)
    test.server.append(log, {
      type: 'tool-status',
      data: { id: id(700), name: 'wait', status: 'running', progress: 0.5 },
    })
    await test.frame()
    expect(test.thread(thread).ids).toHaveLength(2)
    expect(test.shown(thread).at(-1)).toMatchObject({
      id: ANSWER,
      toolCalls: [{ status: 'running', progress: 0.5 }],
    })
  })
})
