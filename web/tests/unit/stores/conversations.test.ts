import { beforeEach, describe, expect, it } from 'vitest'

import { SEARCH_REST_MS, UNDO_MS, createConversations, listed } from '@/stores/conversations.store'
import type { Conversation } from '@/types/chat'

import { FakeServer, json, problem } from '../support/server'
import { ManualClock, id, settle } from '../support/values'

let server: FakeServer
let clock: ManualClock
let activity: string[]
let list: ReturnType<typeof createConversations>

const conversation = (n: number, fields: Partial<Conversation> = {}): Conversation => ({
  id: id(n),
  title: `c${n}`,
  pinned: false,
  archived: false,
  createdAt: '2026-01-31T12:00:00.000Z',
  updatedAt: new Date(Date.UTC(2026, 0, 31) - n * 60_000).toISOString(),
  ...fields,
})

const titles = () => listed(list.store.getState()).map((item) => item.title)
const state = () => list.store.getState()

beforeEach(() => {
  server = new FakeServer()
  clock = new ManualClock()
  activity = []
  list = createConversations({
    fetch: server.fetch,
    clock,
    onActivity: (changed) => activity.push(changed),
  })
  server.conversations.push(conversation(1), conversation(2), conversation(3))
})

describe('the list', () => {
  it('shows pinned conversations first, then newest activity, and no archived ones', async () => {
    server.conversations.push(
      conversation(4, { pinned: true }),
      conversation(5, { archived: true }),
    )
    const loaded = list.actions.load()
    expect(state().load).toEqual({ kind: 'loading' })
    await loaded
    expect(titles()).toEqual(['c4', 'c1', 'c2', 'c3'])
  })

  it('says why it failed, keeps what it shows when only a refresh fails', async () => {
    server.instead.push(() => problem(503, 'draining'))
    await list.actions.load()
    expect(state().load).toMatchObject({ kind: 'failed', failure: { code: 'draining' } })
    await list.actions.load()
    server.instead.push(() => problem(503, 'draining'))
    await list.actions.refresh()
    expect(state().load).toEqual({ kind: 'ready' })
    expect(titles()).toEqual(['c1', 'c2', 'c3'])
  })

  it('goes on from its cursor, without doubles', async () => {
    server.instead.push(
      () => json({ items: [conversation(1), conversation(2)], nextCursor: 'n' }),
      () => json({ items: [conversation(2), conversation(3)] }),
    )
    await list.actions.load()
    expect(state().more).toEqual({ kind: 'available' })
    await list.actions.loadMore()
    expect(server.seen[1]?.query).toMatchObject({ cursor: 'n' })
    expect(titles()).toEqual(['c1', 'c2', 'c3'])
    expect(state().more).toEqual({ kind: 'none' })
  })

  it('learns of one conversation that it does not reach, without listing it', async () => {
    await list.actions.load()
    server.instead.push(() => json(conversation(9)))
    await list.actions.ensure(id(9))
    await list.actions.ensure(id(9))
    expect(state().byId[id(9)]?.title).toBe('c9')
    expect(titles()).toEqual(['c1', 'c2', 'c3'])
    expect(server.requests('GET', `/api/conversations/${id(9)}`)).toHaveLength(1)
  })

  it('searches when typing rests, and an answer that comes late does not replace a newer one', async () => {
    await list.actions.load()
    let answerLate: (response: Response) => void = () => undefined
    server.instead.push(
      () => new Promise<Response>((resolve) => (answerLate = resolve)),
      () => json({ items: [conversation(2)] }),
    )
    for (const query of ['r', 'ri', 'riv']) list.actions.search(query)
    await clock.advance(SEARCH_REST_MS)
    list.actions.search('river')
    await clock.advance(SEARCH_REST_MS)
    answerLate(json({ items: [conversation(3)] }))
    await settle()
    expect(server.seen.slice(1).map((seen) => seen.query['q'])).toEqual(['riv', 'river'])
    expect(titles()).toEqual(['c2'])
  })
})

describe('a change', () => {
  beforeEach(() => list.actions.load())

  it('is shown at once, then as the server has it', async () => {
    server.instead.push(() => json(conversation(2, { title: 'Named by the server', pinned: true })))
    const pinned = list.actions.setPinned(id(2), true)
    expect(titles()[0]).toBe('c2')
    await expect(pinned).resolves.toEqual({ ok: true })
    expect(titles()[0]).toBe('Named by the server')
    expect(server.requests('PATCH', `/api/conversations/${id(2)}`)).toMatchObject([
      { body: { pinned: true } },
    ])
    expect(activity).toEqual([id(2)])
  })

  it('is taken back when the server refuses', async () => {
    server.instead.push(() => problem(422, 'invalid'))
    const renamed = list.actions.rename(id(2), 'New')
    expect(titles()).toContain('New')
    await expect(renamed).resolves.toMatchObject({ ok: false, failure: { code: 'invalid' } })
    expect(titles()).toEqual(['c1', 'c2', 'c3'])
  })

  it('that is refused takes back nothing but itself', async () => {
    let answer: (response: Response) => void = () => undefined
    server.instead.push(() => new Promise<Response>((resolve) => (answer = resolve)))
    const renamed = list.actions.rename(id(2), 'New')
    await settle()
    const newer = conversation(2, { title: 'Elsewhere', pinned: true, activeRunId: id(500) })
    list.actions.hear({ type: 'updated', conversation: newer })
    expect(state().byId[id(2)]).toEqual({ ...newer, title: 'New' })
    answer(problem(422, 'invalid'))
    await expect(renamed).resolves.toMatchObject({ ok: false })
    expect(state().byId[id(2)]).toEqual(newer)
  })

  it('stays shown while an older one is answered, and while a page comes in', async () => {
    let answer: (response: Response) => void = () => undefined
    server.instead.push(() => new Promise<Response>((resolve) => (answer = resolve)))
    const pinned = list.actions.setPinned(id(2), true)
    const renamed = list.actions.rename(id(2), 'New')
    await settle()
    await list.actions.refresh()
    expect(state().byId[id(2)]).toMatchObject({ pinned: true, title: 'New' })
    server.instead.push(() => problem(503, 'draining'))
    answer(json(conversation(2, { pinned: true })))
    await pinned
    expect(state().byId[id(2)]).toMatchObject({ pinned: true, title: 'New' })
    await renamed
    expect(state().byId[id(2)]).toMatchObject({ pinned: true, title: 'c2' })
  })

  it('of a conversation that is deleted meanwhile does not bring it back', async () => {
    let answer: (response: Response) => void = () => undefined
    server.instead.push(() => new Promise<Response>((resolve) => (answer = resolve)))
    const renamed = list.actions.rename(id(2), 'New')
    await settle()
    list.actions.hear({ type: 'deleted', conversationId: id(2) })
    answer(problem(404, 'not_found'))
    await renamed
    expect(state().byId[id(2)]).toBeUndefined()
  })

  it('that breaks the contract is never sent', async () => {
    await expect(list.actions.rename(id(2), '')).resolves.toMatchObject({ ok: false })
    expect(server.requests('PATCH', '/')).toEqual([])
    expect(titles()).toEqual(['c1', 'c2', 'c3'])
  })
})

describe('a deletion', () => {
  const deletions = () => server.requests('DELETE', '/api/conversations/')
  const answered = () => new Response(null, { status: 204 })

  beforeEach(() => list.actions.load())

  it('hides at once, and deletes when it cannot be undone any more', async () => {
    const removed = list.actions.remove(id(2))
    expect(titles()).toEqual(['c1', 'c3'])
    await clock.advance(UNDO_MS - 1)
    expect(deletions()).toEqual([])
    server.instead.push(answered)
    await clock.advance(1)
    await expect(removed).resolves.toEqual({ ok: true })
    expect(deletions()).toMatchObject([{ path: `/api/conversations/${id(2)}` }])
    expect(state().byId[id(2)]).toBeUndefined()
  })

  it('stays hidden through a refresh, and comes back when it is undone', async () => {
    const removed = list.actions.remove(id(2))
    await list.actions.refresh()
    expect(titles()).toEqual(['c1', 'c3'])
    list.actions.undoRemove(id(2))
    await expect(removed).resolves.toEqual({ ok: true })
    await clock.advance(UNDO_MS)
    expect(titles()).toEqual(['c1', 'c2', 'c3'])
    expect(deletions()).toEqual([])
  })

  it('comes back when the server refuses', async () => {
    const removed = list.actions.remove(id(2))
    server.instead.push(() => problem(503, 'draining'))
    await clock.advance(UNDO_MS)
    await expect(removed).resolves.toMatchObject({ ok: false, failure: { code: 'draining' } })
    expect(titles()).toEqual(['c1', 'c2', 'c3'])
  })

  it('of what is gone already has worked', async () => {
    const removed = list.actions.remove(id(2))
    await clock.advance(UNDO_MS)
    await expect(removed).resolves.toEqual({ ok: true })
    expect(titles()).toEqual(['c1', 'c3'])
  })

  it('is not forgotten when the page goes away before its time', async () => {
    void list.actions.remove(id(2))
    server.instead.push(answered)
    list.actions.flushRemovals()
    await settle()
    expect(deletions()).toHaveLength(1)
    await clock.advance(UNDO_MS)
    expect(deletions()).toHaveLength(1)
  })
})
