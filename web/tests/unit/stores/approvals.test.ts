import { beforeEach, describe, expect, it } from 'vitest'

import { createApprovals } from '@/stores/approvals.store'
import type { Job, PendingApproval, Question } from '@/types/tools'

import { FakeServer, json, problem } from '../support/server'
import { ManualClock, id, settle } from '../support/values'

const pending = (n: number): PendingApproval => ({
  id: id(n),
  name: 'wait',
  args: { seconds: n },
  caller: 'model',
  requestedAt: '2026-01-31T12:00:00.000Z',
  expiresAt: '2026-01-31T12:10:00.000Z',
})
const job = (n: number, approval: 'granted' | 'denied'): Job => ({
  id: id(n),
  name: 'wait',
  args: {},
  status: 'queued',
  caller: 'model',
  approval,
  createdAt: '2026-01-31T12:00:00.000Z',
  startedAt: '2026-01-31T12:00:00.000Z',
})

const question = (n: number): Question => ({
  id: id(n),
  callId: id(100 + n),
  name: 'everything__ask',
  server: 'everything',
  message: 'Which one?',
  askedAt: '2026-01-31T12:00:00.000Z',
  expiresAt: '2026-01-31T12:10:00.000Z',
})

let server: FakeServer
let test: ReturnType<typeof createApprovals>
const ids = () => test.store.getState().items.map((item) => item.id)
const word = (n: number) => test.store.getState().words[id(n)]

beforeEach(() => {
  server = new FakeServer()
  test = createApprovals({ fetch: server.fetch, clock: new ManualClock() })
})

const load = async (...items: PendingApproval[]) => {
  server.instead.push(() => json({ items, questions: [] }))
  await test.actions.load()
}

describe('the inbox', () => {
  it('lists what waits, and what is heard of', async () => {
    await load(pending(1))
    test.actions.hear({ type: 'approval_requested', pending: pending(2) })
    test.actions.hear({ type: 'approval_requested', pending: pending(2) })
    expect(ids()).toEqual([id(1), id(2)])
    test.actions.hear({ type: 'approval_settled', id: id(1) })
    expect(ids()).toEqual([id(2)])
    expect(word(1)).toEqual({ kind: 'settled' })
  })

  it('keeps what it has when it cannot be loaded', async () => {
    await load(pending(1))
    server.instead.push(() => problem(503, 'unavailable'))
    await test.actions.load()
    expect(ids()).toEqual([id(1)])
  })

  it('is not set back by a list that is older than what was heard', async () => {
    await load(pending(1))
    let answer: (response: Response) => void = () => undefined
    server.instead.push(() => new Promise((resolve) => (answer = resolve)))
    const loaded = test.actions.load()
    test.actions.hear({ type: 'approval_settled', id: id(1) })
    test.actions.hear({ type: 'approval_requested', pending: pending(2) })
    answer(json({ questions: [], items: [pending(1)] }))
    await loaded
    expect(ids()).toEqual([id(2)])
  })

  it('keeps a question that was asked while an older list was loading', async () => {
    test.actions.hear({ type: 'question_asked', question: question(1) })
    test.actions.hear({ type: 'question_asked', question: question(2) })
    let answer: (response: Response) => void = () => undefined
    server.instead.push(() => new Promise((resolve) => (answer = resolve)))
    const loaded = test.actions.load()
    test.actions.hear({ type: 'question_asked', question: question(3) })
    test.actions.hear({ type: 'question_settled', id: id(2) })
    answer(json({ questions: [question(2)], items: [] }))
    await loaded
    expect(test.store.getState().questions).toEqual([question(3)])
  })
})

describe('a word', () => {
  beforeEach(() => load(pending(1)))

  it('goes to the server once, and settles the call', async () => {
    let answer: (response: Response) => void = () => undefined
    server.instead.push(() => new Promise((resolve) => (answer = resolve)))
    const decided = test.actions.decide(id(1), { decision: 'grant', remember: true })
    expect(word(1)).toEqual({ kind: 'sending' })
    await test.actions.decide(id(1), { decision: 'deny' })
    await settle()
    // Heard before the answer: it is this tab's own word.
    test.actions.hear({ type: 'approval_settled', id: id(1) })
    expect(word(1)).toEqual({ kind: 'sending' })
    answer(json(job(1, 'granted')))
    await decided
    expect(word(1)).toEqual({ kind: 'settled', approval: 'granted' })
    expect(ids()).toEqual([])
    expect(server.requests('POST', '/api/tool-calls').map(({ body }) => body)).toEqual([
      { decision: 'grant', remember: true },
    ])
  })

  it('that somebody else has given already is no failure: that one counts', async () => {
    server.instead.push(
      () => problem(409, 'already_decided'),
      () => json(job(1, 'denied')),
    )
    expect(await test.actions.decide(id(1), { decision: 'grant' })).toEqual({ ok: true })
    expect(word(1)).toEqual({ kind: 'settled', approval: 'denied' })
    expect(ids()).toEqual([])
  })

  it('that could not be given is told, and can be given again', async () => {
    server.instead.push(() => problem(503, 'draining'))
    const outcome = await test.actions.decide(id(1), { decision: 'deny', message: 'No.' })
    expect(outcome).toMatchObject({ ok: false, failure: { code: 'draining' } })
    expect(word(1)).toMatchObject({ kind: 'failed', failure: { code: 'draining' } })
    expect(ids()).toEqual([id(1)])
    server.instead.push(() => json(job(1, 'denied')))
    await test.actions.decide(id(1), { decision: 'deny', message: 'No.' })
    expect(word(1)).toEqual({ kind: 'settled', approval: 'denied' })
  })
})
