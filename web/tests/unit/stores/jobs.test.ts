import { beforeEach, describe, expect, it } from 'vitest'

import { BUSY_MS, CALM_MS, createJobs, listed } from '@/stores/jobs.store'
import type { Job } from '@/types/tools'

import { FakeServer, json, problem } from '../support/server'
import { job } from '../support/tools'
import { ManualClock, ManualNetwork, ManualVisibility, id, settle } from '../support/values'

interface Event {
  readonly type: string
  readonly data: Record<string, unknown>
}

/** A job's log in memory, whose readers a test can cut. */
class JobLog {
  readonly events: Event[] = []
  private readonly readers = new Set<ReadableStreamDefaultController<Uint8Array>>()

  say(type: string, data: Record<string, unknown>): void {
    this.events.push({ type, data: { id: id(1), ...data } })
    for (const reader of this.readers) this.write(reader, this.events.length)
  }

  read(after: number): Response {
    const body = new ReadableStream<Uint8Array>({
      start: (reader) => {
        for (let n = after + 1; n <= this.events.length; n += 1) this.write(reader, n)
        this.readers.add(reader)
      },
    })
    return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
  }

  cut(): void {
    for (const reader of this.readers) reader.error(new TypeError('connection reset'))
    this.readers.clear()
  }

  private write(reader: ReadableStreamDefaultController<Uint8Array>, n: number): void {
    const { data, type } = this.events[n - 1] ?? { type: '', data: {} }
    const text = `id: ${n}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`
    reader.enqueue(new TextEncoder().encode(text))
  }
}

let server: FakeServer
let clock: ManualClock
let network: ManualNetwork
let visibility: ManualVisibility
let log: JobLog
let stored: Job
let listedThere: Job[]
let page: ReturnType<typeof createJobs>

const known = () => page.store.getState().byId[id(1)]
const running = (progress: number, note: string) => {
  log.say('tool_update', { name: 'wait', status: 'running', progress, note })
}

beforeEach(() => {
  server = new FakeServer()
  clock = new ManualClock()
  network = new ManualNetwork()
  visibility = new ManualVisibility()
  log = new JobLog()
  stored = job(1)
  listedThere = []
  page = createJobs({
    fetch: async (input, init = {}) => {
      const answer = await server.fetch(input, init)
      const seen = server.seen.at(-1)
      if (answer.status !== 404 || !seen) return answer
      if (seen.path === '/api/jobs') return json({ items: listedThere })
      if (seen.path === `/api/jobs/${id(1)}/events`) return log.read(Number(seen.query['after']))
      if (seen.path === `/api/jobs/${id(1)}`)
        return seen.method === 'DELETE' ? new Response(null, { status: 202 }) : json(stored)
      if (seen.method === 'POST') return json({ jobId: id(1) })
      return answer
    },
    clock,
    random: () => 0.5,
    connectivity: network,
    visibility,
    schedule: (action) => {
      queueMicrotask(action)
    },
    newId: () => 'key',
  })
})

describe('a job that is watched', () => {
  it('shows its progress, what it says, and its output', async () => {
    const leave = page.actions.watch(id(1))
    await settle()
    running(0.25, '1 of 4 s')
    running(0.5, '2 of 4 s')
    log.say('partial_result', { data: 'half' })
    await settle()
    expect(known()).toMatchObject({
      job: { status: 'running', progress: 0.5, note: '2 of 4 s' },
      notes: [{ text: '1 of 4 s' }, { text: '2 of 4 s' }],
      parts: ['half'],
      reading: { kind: 'live' },
    })
    stored = job(1, { status: 'done', output: 4, endedAt: '2026-01-31T12:00:04.000Z' })
    log.say('complete', { output: 4 })
    await settle()
    // When exactly it ended is the server's to say.
    expect(known()?.job).toEqual(stored)
    expect(known()?.reading).toEqual({ kind: 'none' })
    leave()
  })

  it('goes on by itself after a cut, with every word once', async () => {
    page.actions.watch(id(1))
    await settle()
    running(0.25, 'one')
    await settle()
    await network.set(false)
    log.cut()
    await settle()
    expect(known()?.reading).toEqual({ kind: 'waiting', waiting: { kind: 'network' } })
    running(0.5, 'two')
    await network.set(true)
    await settle()
    expect(known()?.notes.map(({ text }) => text)).toEqual(['one', 'two'])
    expect(server.requests('GET', `/api/jobs/${id(1)}/events`).at(-1)?.query).toEqual({
      after: '1',
    })
  })

  it('that has ended is not shown as going on while its log is read', async () => {
    stored = job(1, { status: 'error', error: { code: 'cancelled', message: 'It was cancelled.' } })
    running(0.5, 'half')
    const seen = new Set<string>()
    page.store.subscribe((state) => seen.add(state.byId[id(1)]?.job.status ?? 'none'))
    page.actions.watch(id(1))
    await settle()
    expect(seen).toEqual(new Set(['none', 'error']))
    expect(known()?.notes).toMatchObject([{ text: 'half' }])
  })

  it('is not read any more once nobody looks', async () => {
    const [one, other] = [page.actions.watch(id(1)), page.actions.watch(id(1))]
    await settle()
    expect(server.requests('GET', `/api/jobs/${id(1)}/events`)).toHaveLength(1)
    one()
    running(0.25, 'seen')
    await settle()
    other()
    running(0.5, 'unseen')
    await settle()
    expect(known()?.notes).toMatchObject([{ text: 'seen' }])
  })

  it('that is nobody’s says so', async () => {
    page.actions.watch(id(9))
    await settle()
    expect(page.store.getState().loads[id(9)]).toEqual({ kind: 'missing' })
  })
})

describe('asking', () => {
  it('is repeated with the same key when no answer comes', async () => {
    server.instead.push(() => Promise.reject(new TypeError('gone')))
    const started = page.actions.run('wait', { seconds: 1 })
    await clock.advance(60_000)
    await expect(started).resolves.toEqual({ ok: true, id: id(1) })
    const sent = server.requests('POST', '/api/tools/wait')
    expect(sent.map(({ key }) => key)).toEqual(['key', 'key'])
    expect(sent[1]?.body).toEqual({ args: { seconds: 1 } })
  })

  it('that is refused tells why, and is not repeated', async () => {
    server.instead.push(() => problem(403, 'tool_denied'))
    await expect(page.actions.run('wait', {})).resolves.toMatchObject({
      ok: false,
      failure: { code: 'tool_denied' },
    })
    expect(server.requests('POST', '/api/tools/wait')).toHaveLength(1)
  })

  it('to cancel is shown until the end comes, and taken back when it is refused', async () => {
    page.actions.watch(id(1))
    await settle()
    const asked = page.actions.cancel(id(1))
    expect(known()?.stopping).toBe(true)
    await expect(asked).resolves.toEqual({ ok: true })
    expect(known()?.stopping).toBe(true)
    server.instead.push(() => problem(503, 'draining'))
    await expect(page.actions.cancel(id(1))).resolves.toMatchObject({ ok: false })
    expect(known()?.stopping).toBe(false)
  })
})

describe('the list', () => {
  const ids = () => listed(page.store.getState()).map(({ job: { id: name } }) => name)
  const asked = () => server.requests('GET', '/api/jobs')

  it('is asked for more often while something goes on, and not while nobody looks', async () => {
    listedThere = [job(2)]
    const leave = page.actions.watchList()
    await settle()
    expect(ids()).toEqual([id(2)])
    listedThere = [job(3, { status: 'done' }), job(2, { status: 'done' })]
    await clock.advance(BUSY_MS)
    expect(ids()).toEqual([id(3), id(2)])
    await clock.advance(CALM_MS - 1)
    expect(asked()).toHaveLength(2)
    await clock.advance(1)
    expect(asked()).toHaveLength(3)
    await visibility.set(false)
    await clock.advance(3 * CALM_MS)
    expect(asked()).toHaveLength(3)
    leave()
    expect(clock.pending).toBe(0)
  })

  it('goes on from its cursor, and its top stays fresh without losing the rest', async () => {
    const many = Array.from({ length: 50 }, (_, n) => job(100 - n, { status: 'done' }))
    server.instead.push(
      () => json({ items: many, nextCursor: 'next' }),
      () => json({ items: [job(50), job(49)] }),
    )
    await page.actions.load()
    await page.actions.loadMore()
    expect(asked()[1]?.query).toMatchObject({ cursor: 'next' })
    listedThere = [job(101), ...many.slice(0, 49)]
    await page.actions.load()
    expect(ids()).toHaveLength(53)
    expect(ids().slice(0, 2)).toEqual([id(101), id(100)])
    expect(page.store.getState().more).toEqual({ kind: 'none' })
  })

  it('is narrowed by what has become of a job, and an answer to an earlier question is dropped', async () => {
    let answerLate: (response: Response) => void = () => undefined
    server.instead.push(() => new Promise<Response>((resolve) => (answerLate = resolve)))
    const all = page.actions.load()
    listedThere = [job(4, { status: 'error' })]
    page.actions.narrow('error')
    await settle()
    answerLate(json({ items: [job(5)] }))
    await all
    expect(asked()[1]?.query).toMatchObject({ status: 'error' })
    expect(ids()).toEqual([id(4)])
  })
})
