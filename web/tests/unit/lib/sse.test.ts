import { beforeEach, describe, expect, it, vi } from 'vitest'

import { systemClock } from '@/lib/clock'
import { ContractError } from '@/lib/errors'
import { backoffMs } from '@/lib/retry'
import { type FollowEnd, SILENCE_MS, followRun, readEvents, runLog } from '@/lib/sse'
import type { RunEvent } from '@/types/chat'

import { FakeServer, done, frame, problem, token } from '../support/server'
import { ManualClock, ManualNetwork, id, seeded, settle } from '../support/values'

const ANSWER = id(900)

let server: FakeServer
let clock: ManualClock
let network: ManualNetwork
let events: RunEvent[]
let waits: string[]
let abort: AbortController
let end: FollowEnd | undefined

beforeEach(() => {
  server = new FakeServer()
  clock = new ManualClock()
  network = new ManualNetwork()
  events = []
  waits = []
  abort = new AbortController()
  end = undefined
})

/** Starts a run on the server and follows it from its first event. */
async function follow(random: () => number = () => 0.5) {
  await server.fetch('/api/realtime', { method: 'POST', body: JSON.stringify({ prompt: 'Hi' }) })
  const log = server.newest
  log.readers.clear()
  void followRun(
    {
      runId: log.runId,
      after: 0,
      signal: abort.signal,
      onEvent: (event) => events.push(event),
      onOpen: () => waits.push('open'),
      onWaiting: (waiting) => waits.push(waiting.kind),
    },
    { fetch: server.fetch, clock, connectivity: network, random },
  ).then((how) => {
    end = how
  })
  await settle()
  return log
}

const text = () => events.map((event) => (event.type === 'token' ? event.data.text : '')).join('')
const offsets = () => server.requests('GET', '/api/realtime/').map((seen) => seen.query['after'])

describe('followRun', () => {
  it('gives every event once, in order, and ends with done', async () => {
    const log = await follow()
    server.append(log, token(ANSWER, 'Good '), token(ANSWER, 'day'), done(ANSWER))
    await settle()
    expect(events.map((event) => event.seq)).toEqual([1, 2, 3, 4])
    expect(text()).toBe('Good day')
    expect(end).toEqual({ kind: 'done' })
    expect(clock.pending).toBe(0)
  })

  it('comes back after a cut, from the number that it has', async () => {
    const log = await follow()
    server.append(log, token(ANSWER, 'Good '))
    await settle()
    server.cut(log)
    server.append(log, token(ANSWER, 'day'), done(ANSWER))
    await clock.advance(20_000)
    expect(text()).toBe('Good day')
    expect(offsets()).toEqual(['0', '2'])
    expect(end).toEqual({ kind: 'done' })
  })

  it('takes a body that ends without done for a cut', async () => {
    const log = await follow()
    server.end(log)
    server.append(log, done(ANSWER))
    await clock.advance(20_000)
    expect(end).toEqual({ kind: 'done' })
    expect(offsets()).toEqual(['0', '1'])
  })

  it('leaves a connection that is silent for two heartbeats and a half, but not one that pings', async () => {
    const log = await follow()
    await clock.advance(SILENCE_MS - 1)
    server.ping(log)
    await clock.advance(SILENCE_MS - 1)
    expect(offsets()).toHaveLength(1)
    await clock.advance(20_000)
    expect(offsets()).toHaveLength(2)
  })

  it('waits longer after each failure, and starts anew when an event came through', async () => {
    const down = () => Promise.reject(new TypeError('refused'))
    server.instead.push(() => undefined, ...Array.from({ length: 4 }, () => down))
    const log = await follow(() => 0.999999)
    const times: number[] = []
    for (let second = 0; second < 9; second += 1) {
      const before = offsets().length
      await clock.advance(500)
      if (offsets().length > before) times.push(second)
    }
    // Refused four times: 0.5 + 1 + 2 + 4 s of backoff, at most.
    expect(times).toEqual([0, 2, 6])
    server.append(log, token(ANSWER, 'x'))
    await clock.advance(20_000)
    expect(text()).toBe('x')
    const asked = offsets().length
    server.cut(log)
    await clock.advance(500)
    expect(offsets()).toHaveLength(asked + 1)
  })

  it('waits for the network while there is none, however long, and comes back with it at once', async () => {
    const log = await follow()
    await network.set(false)
    server.cut(log)
    server.append(log, done(ANSWER))
    await clock.advance(3_600_000)
    expect(waits.at(-1)).toBe('network')
    expect(offsets()).toHaveLength(1)
    await network.set(true)
    expect(end).toEqual({ kind: 'done' })
  })

  it('does as Retry-After says', async () => {
    server.instead.push(
      () => undefined,
      () => problem(503, 'draining', { retryAfter: 30 }),
    )
    const log = await follow()
    server.append(log, done(ANSWER))
    await clock.advance(29_999)
    expect(offsets()).toHaveLength(1)
    await clock.advance(1)
    expect(end).toEqual({ kind: 'done' })
  })

  it.each([
    [404, 'not_found'],
    [410, 'run_log_expired'],
    [422, 'invalid_offset'],
    [401, 'unauthorized'],
  ])('takes %i for the end', async (status, code) => {
    server.instead.push(
      () => undefined,
      () => problem(status, code),
    )
    await follow()
    expect(end).toMatchObject({ kind: 'refused', error: { status, code } })
    expect(clock.pending).toBe(0)
  })

  it('ends at an event that breaks the contract', async () => {
    server.instead.push(
      () => undefined,
      () => new Response('event: token\nid: 1\ndata: {"id":7}\n\n'),
    )
    await follow()
    expect(end).toMatchObject({ kind: 'refused', error: { name: 'ContractError' } })
  })

  it('lets go of everything when its caller leaves', async () => {
    await follow()
    abort.abort()
    await settle()
    expect(end).toEqual({ kind: 'left' })
    expect(clock.pending).toBe(0)
  })

  it('loses and doubles nothing under random cuts (50 seeds)', async () => {
    for (let seed = 1; seed <= 50; seed += 1) {
      events = []
      end = undefined
      const random = seeded(seed)
      const log = await follow(random)
      const words = Array.from({ length: 12 }, (_, n) => `${seed}.${n} `)
      for (const word of words) {
        server.append(log, token(ANSWER, word))
        if (random() < 0.5) await settle()
        if (random() < 0.3) server.cut(log)
        else if (random() < 0.2) server.end(log)
        if (random() < 0.3) await clock.advance(1000)
      }
      server.append(log, done(ANSWER))
      await clock.advance(60_000)
      expect(text(), `seed ${seed}`).toBe(words.join(''))
      expect(events.map((event) => event.seq)).toEqual(log.events.map((_, index) => index + 1))
      expect(end).toEqual({ kind: 'done' })
    }
  })
})

describe('readEvents', () => {
  const signal = new AbortController().signal

  it('reads events from pieces cut anywhere, inside characters too', async () => {
    const bytes = new TextEncoder().encode(
      `: ping\n\n${frame(1, token(ANSWER, 'naïve 🙂\nline'))}${frame(2, done(ANSWER))}`,
    )
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        for (const byte of bytes) controller.enqueue(Uint8Array.of(byte))
        controller.close()
      },
    })
    const read: RunEvent[] = []
    for await (const event of readEvents(new Response(body), runLog(id(1)), systemClock, signal))
      read.push(event)
    expect(read).toMatchObject([
      { seq: 1, data: { text: 'naïve 🙂\nline' } },
      { seq: 2, type: 'done' },
    ])
  })

  it.each([
    ['without a number', 'event: token\ndata: {}\n\n'],
    ['of a kind nobody knows', 'event: surprise\nid: 1\ndata: {}\n\n'],
    ['whose data is not JSON', 'event: token\nid: 1\ndata: {\n\n'],
  ])('refuses an event %s', async (_, body) => {
    const reading = readEvents(new Response(body), runLog(id(1)), systemClock, signal).next()
    await expect(reading).rejects.toBeInstanceOf(ContractError)
  })

  it('closes the connection when its reader stops early', async () => {
    const cancel = vi.fn()
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        controller.enqueue(new TextEncoder().encode(frame(1, token(ANSWER, 'x'))))
      },
      cancel,
    })
    for await (const event of readEvents(new Response(body), runLog(id(1)), systemClock, signal)) {
      expect(event.seq).toBe(1)
      break
    }
    expect(cancel).toHaveBeenCalledOnce()
  })
})

describe('backoffMs', () => {
  it('doubles up to a cap and takes a random part of that', () => {
    expect([0, 1, 2, 10].map((attempt) => backoffMs(attempt, () => 1))).toEqual([
      500, 1000, 2000, 15_000,
    ])
    expect(backoffMs(3, () => 0)).toBe(0)
  })
})
