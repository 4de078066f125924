import { beforeEach, describe, expect, it } from 'vitest'

import { NEW_THREAD } from '@/stores/chat.store'
import { UNDO_MS, createConversations, listed } from '@/stores/conversations.store'
import { inboxFollower } from '@/stores/inbox'
import type { Conversation } from '@/types/chat'
import type { InboxChange } from '@/types/session'

import { testChat, transcript } from '../support/chat'
import { done, json, message, problem, token } from '../support/server'
import { id, settle } from '../support/values'

const OPEN = id(100)
const OTHER = id(101)
const RUN = id(500)
const QUESTION = id(300)
const ANSWER = id(301)

const conversation = (of: string, fields: Partial<Conversation> = {}): Conversation => ({
  id: of,
  title: `about ${of.slice(-3)}`,
  pinned: false,
  archived: false,
  createdAt: '2026-01-31T12:00:00.000Z',
  updatedAt: '2026-01-31T12:00:00.000Z',
  ...fields,
})

let test: ReturnType<typeof testChat>
let list: ReturnType<typeof createConversations>
let shown: string | undefined
let gone: number
let heard: InboxChange[]
let follower: ReturnType<typeof inboxFollower>

const hear = async (change: InboxChange) => {
  follower.onFrame({ type: 'inbox', seq: 1, change })
  await settle()
}
const titles = () => listed(list.store.getState()).map((item) => item.title)
const asked = (path: string) => test.server.requests('GET', path).length

beforeEach(async () => {
  test = testChat()
  list = createConversations({
    fetch: test.server.fetch,
    clock: test.clock,
    onActivity: () => undefined,
  })
  shown = OPEN
  gone = 0
  heard = []
  follower = inboxFollower({
    approvals: { hear: (change) => heard.push(change), load: () => Promise.resolve() },
    chat: test.chat,
    conversations: list.actions,
    shown: () => shown,
    onGone: () => {
      gone += 1
    },
  })
  test.server.conversations.push(conversation(OPEN))
  test.server.messages.push(message({ id: QUESTION, conversationId: OPEN, content: 'Hi' }))
  await list.actions.load()
  await test.chat.open(OPEN)
})

describe('the list of conversations', () => {
  it('has what was made, renamed, pinned and archived elsewhere, without asking', async () => {
    const before = test.server.seen.length
    await hear({ type: 'created', conversation: conversation(OTHER, { title: 'New' }) })
    expect(titles()).toEqual(['New', 'about 064'])
    const renamed = conversation(OTHER, { title: 'Renamed', pinned: true })
    await hear({ type: 'updated', conversation: renamed })
    expect(titles()).toEqual(['Renamed', 'about 064'])
    await hear({ type: 'updated', conversation: { ...renamed, archived: true } })
    expect(titles()).toEqual(['about 064'])
    expect(test.server.seen).toHaveLength(before)
  })

  it('moves what was answered elsewhere to its top, and shows that it is running until then', async () => {
    await hear({ type: 'created', conversation: conversation(OTHER, { activeRunId: RUN }) })
    expect(list.store.getState().byId[OTHER]?.activeRunId).toBe(RUN)
    const answered = conversation(OTHER, { updatedAt: '2026-01-31T13:00:00.000Z' })
    await hear({ type: 'answered', conversation: answered, runId: RUN })
    expect(list.store.getState().byId[OTHER]?.activeRunId).toBeUndefined()
    expect(titles()).toEqual(['about 065', 'about 064'])
  })

  it('keeps what it heard while an older page was on its way', async () => {
    const old = json({ items: test.server.conversations })
    let answer: (page: Response) => void = () => undefined
    test.server.instead.push(() => new Promise((resolve) => (answer = resolve)))
    const refreshed = list.actions.refresh()
    await settle()
    await hear({ type: 'created', conversation: conversation(OTHER) })
    await hear({ type: 'updated', conversation: conversation(OPEN, { title: 'Newer' }) })
    answer(old)
    await refreshed
    expect(titles().sort()).toEqual(['Newer', 'about 065'])
    await list.actions.refresh()
    expect(titles()).toEqual(['about 064'])
  })

  it('adds nothing to a search, which only the server can answer', async () => {
    list.actions.search('river')
    await hear({ type: 'created', conversation: conversation(OTHER) })
    expect(list.store.getState().ids).toEqual([OPEN])
  })

  it('forgets what was deleted elsewhere, also what waits here to be deleted', async () => {
    await hear({ type: 'created', conversation: conversation(OTHER) })
    const removed = list.actions.remove(OTHER)
    await hear({ type: 'deleted', conversationId: OTHER })
    await expect(removed).resolves.toEqual({ ok: true })
    await test.clock.advance(UNDO_MS)
    expect(test.server.requests('DELETE', '/api/conversations')).toEqual([])
    expect(titles()).toEqual(['about 064'])
    expect(gone).toBe(0)
  })

  it('is read anew when news may be missing, and so is the open conversation', async () => {
    const before = [asked('/api/conversations'), asked('/api/messages')]
    follower.onStanding?.()
    await settle()
    expect([asked('/api/conversations'), asked('/api/messages')]).toEqual(
      before.map((count) => count + 1),
    )
  })
})

describe('the open conversation', () => {
  const answer = () =>
    message({
      id: ANSWER,
      conversationId: OPEN,
      parentId: QUESTION,
      role: 'assistant',
      content: '',
      status: 'streaming',
      runId: RUN,
      seq: 1,
    })
  const startElsewhere = () => {
    const question = {
      type: 'message' as const,
      data: message({ id: QUESTION, conversationId: OPEN }),
    }
    const log = { runId: RUN, conversationId: OPEN, events: [question], readers: new Set<never>() }
    test.server.messages.push(answer())
    test.server.logs.set(RUN, log)
    return test.server.newest
  }
  const running = () => conversation(OPEN, { activeRunId: RUN })

  it('shows an answer that was asked for elsewhere, and follows it live', async () => {
    const log = startElsewhere()
    await hear({ type: 'updated', conversation: running() })
    test.server.append(log, token(ANSWER, 'Good '), token(ANSWER, 'day'))
    await test.frame()
    expect(transcript(test, OPEN)).toEqual(['user complete: Hi', 'assistant streaming: Good day'])
  })

  it('asks for nothing that it follows or knows already', async () => {
    const log = startElsewhere()
    await hear({ type: 'updated', conversation: running() })
    const before = asked('/api/messages')
    await hear({ type: 'updated', conversation: running() })
    test.server.append(log, done(ANSWER))
    await test.frame()
    await hear({ type: 'answered', conversation: conversation(OPEN), runId: RUN })
    expect(asked('/api/messages')).toBe(before)
  })

  it('leaves the answer to its own question alone, whose id it does not know yet', async () => {
    let respond: (answer: Response) => void = () => undefined
    test.server.instead.push(() => new Promise((resolve) => (respond = resolve)))
    void test.chat.send({ thread: OPEN, text: 'And you?' })
    await settle()
    const before = asked('/api/messages')
    await hear({ type: 'updated', conversation: running() })
    expect(asked('/api/messages')).toBe(before)
    respond(problem(500, 'internal'))
  })

  it('brings the end of an answer that it never saw', async () => {
    test.server.messages.push({ ...answer(), content: 'Done', status: 'complete' })
    await hear({ type: 'answered', conversation: conversation(OPEN), runId: RUN })
    expect(transcript(test, OPEN)).toEqual(['user complete: Hi', 'assistant complete: Done'])
  })

  it('asks for nothing of a conversation that is not on the screen', async () => {
    shown = OTHER
    const before = test.server.seen.length
    await hear({ type: 'updated', conversation: running() })
    expect(test.server.seen).toHaveLength(before)
  })

  it('says that it was deleted elsewhere, stops following it, and keeps what was being written', async () => {
    startElsewhere()
    await hear({ type: 'updated', conversation: running() })
    test.chat.setDraft(OPEN, 'Half a thought')
    await hear({ type: 'deleted', conversationId: OPEN })
    expect(gone).toBe(1)
    expect(test.thread(OPEN)).toMatchObject({ load: { kind: 'missing' }, ids: [], runs: [] })
    expect(test.store.getState().drafts[NEW_THREAD]).toBe('Half a thought')
    expect(test.storage.entries).toMatchObject({ 'draft.new': 'Half a thought' })
  })

  it('puts what was being written in it below the draft of a new chat', async () => {
    test.chat.setDraft(NEW_THREAD, 'First')
    test.chat.setDraft(OPEN, 'Second')
    await hear({ type: 'deleted', conversationId: OPEN })
    expect(test.store.getState().drafts[NEW_THREAD]).toBe('First\nSecond')
  })

  it('keeps the text of a message that was waiting for the network when it was deleted', async () => {
    await test.network.set(false)
    test.server.instead.push(() => Promise.reject(new TypeError('offline')))
    const sent = test.chat.send({ thread: OPEN, text: 'Not sent' })
    await settle()
    test.chat.setDraft(OPEN, 'Half a thought')
    await hear({ type: 'deleted', conversationId: OPEN })
    await expect(sent).resolves.toMatchObject({ ok: false })
    expect(test.store.getState().drafts[NEW_THREAD]).toBe('Not sent\nHalf a thought')
    await test.network.set(true)
    expect(test.server.requests('POST', '/api/realtime')).toHaveLength(1)
  })
})

it('hands on what waits for the person’s word', async () => {
  await hear({ type: 'approval_settled', id: id(7) })
  expect(heard).toEqual([{ type: 'approval_settled', id: id(7) }])
})
