import { beforeEach, describe, expect, it, vi } from 'vitest'

import { type Session, type TopicFrame } from '@/lib/ws'
import { ACK_FRAMES, ACK_MS, PONG_MS, REST_MS, SILENT_BEATS, WELCOME_MS } from '@/lib/ws.talk'
import type { InboxChange } from '@/types/session'

import { testSession } from '../support/sockets'
import { id, seeded } from '../support/values'

const LONG = 60_000

let test: ReturnType<typeof testSession>
let session: Session
let heard: string[]
let standing: number

const deleted = (n: number): InboxChange => ({ type: 'deleted', conversationId: id(n) })
const publish = (n: number) => {
  test.server.publish('inbox', { type: 'inbox', change: deleted(n) })
}
const hear = (frame: TopicFrame) => {
  if (frame.type === 'inbox' && frame.change.type === 'deleted')
    heard.push(frame.change.conversationId)
}
const ids = (...numbers: number[]) => numbers.map((n) => id(n))
const sent = (type: string) => test.server.newest.received.filter((frame) => frame.type === type)

async function begin(random?: () => number) {
  test = testSession(random)
  heard = []
  standing = 0
  session = test.start()
  session.follow({
    topic: 'inbox',
    onFrame: hear,
    onStanding: () => {
      standing += 1
    },
  })
  await test.settle()
}

beforeEach(async () => {
  vi.spyOn(console, 'debug').mockImplementation(() => undefined)
  await begin()
})

describe('a session', () => {
  it('follows its topics after welcome, and says so when the server has taken them up', () => {
    expect(session.state()).toEqual({ kind: 'live' })
    expect(sent('subscribe')).toEqual([{ type: 'subscribe', topic: 'inbox' }])
    expect(standing).toBe(1)
    publish(1)
    publish(2)
    expect(heard).toEqual(ids(1, 2))
  })

  it('goes on where it was after a cut: each frame once, in order, and nothing is read anew', async () => {
    publish(1)
    test.server.newest.close()
    publish(2)
    publish(3)
    await test.clock.advance(LONG)
    expect(heard).toEqual(ids(1, 2, 3))
    expect(test.server.sockets).toHaveLength(2)
    expect(sent('resume')).toMatchObject([{ type: 'resume', seq: 2 }])
    expect(sent('subscribe')).toEqual([])
    expect(standing).toBe(1)
  })

  it('begins anew where the server has forgotten it, and says so', async () => {
    test.server.forget()
    test.server.newest.close(1001)
    await test.clock.advance(LONG)
    expect(sent('subscribe')).toHaveLength(1)
    expect(standing).toBe(2)
    publish(4)
    expect(heard).toEqual(ids(4))
  })

  it('tells the server again what was not confirmed before a cut', async () => {
    const onStanding = vi.fn()
    test.server.newest.dead = true
    session.follow({ topic: `run:${id(7)}`, after: () => 12, onFrame: hear, onStanding })
    test.server.newest.close()
    await test.clock.advance(LONG)
    expect(sent('resume')).toHaveLength(1)
    expect(sent('subscribe')).toEqual([{ type: 'subscribe', topic: `run:${id(7)}`, after: 12 }])
    expect(onStanding).toHaveBeenCalledOnce()
    expect(standing).toBe(1)
  })

  it('ignores a frame that it has had, and begins anew when one is missing', async () => {
    publish(1)
    test.server.newest.say({ type: 'inbox', seq: 2, change: deleted(1) })
    expect(heard).toEqual(ids(1))
    test.server.newest.say({ type: 'inbox', seq: 4, change: deleted(4) })
    await test.clock.advance(LONG)
    expect(heard).toEqual(ids(1))
    expect(sent('resume')).toEqual([])
    expect(standing).toBe(2)
  })

  it.each([
    ['is no JSON', 'what'],
    ['is of a kind nobody knows', { type: 'surprise', seq: 2 }],
    [
      'is a second welcome',
      { type: 'welcome', session: id(1), seq: 0, resumed: false, heartbeatMs: 1 },
    ],
  ])('begins anew after a frame that %s', async (_, frame) => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined)
    test.server.newest.say(frame)
    await test.clock.advance(LONG)
    expect(test.server.sockets).toHaveLength(2)
    expect(standing).toBe(2)
  })

  it('tells in batches what has arrived', async () => {
    await test.clock.advance(ACK_MS)
    expect(sent('ack')).toEqual([{ type: 'ack', seq: 1 }])
    for (let n = 1; n < ACK_FRAMES; n += 1) publish(n)
    expect(sent('ack')).toHaveLength(1)
    publish(ACK_FRAMES)
    expect(sent('ack').at(-1)).toEqual({ type: 'ack', seq: ACK_FRAMES + 1 })
    await test.clock.advance(ACK_MS)
    expect(sent('ack')).toHaveLength(2)
  })

  it('tells whoever asks for a topic that the server does not show', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const topic = `run:${id(7)}`
    const onRefused = vi.fn()
    const onStanding = vi.fn()
    test.server.refusedTopics.add(topic)
    session.follow({ topic, onFrame: hear, onRefused, onStanding })
    await test.settle()
    expect(onRefused).toHaveBeenCalledExactlyOnceWith('not_found', 'There is no such topic.')
    expect(onStanding).not.toHaveBeenCalled()
  })

  it('subscribes again when the server has ended the subscription for falling behind, and says so', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    publish(1)
    test.server.expire('inbox', 'inbox_expired')
    await test.settle()
    expect(sent('subscribe')).toHaveLength(2)
    expect(standing).toBe(2)
    publish(3)
    expect(heard).toEqual(ids(1, 3))
  })

  it('subscribes again after a cut when the second subscription was lost with the socket', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    test.server.expire('inbox', 'inbox_expired')
    test.server.newest.dead = true
    test.server.newest.close()
    await test.clock.advance(LONG)
    expect(sent('resume')).toHaveLength(1)
    expect(standing).toBe(2)
    publish(1)
    expect(heard).toEqual(ids(1))
  })

  it('does not subscribe again to a topic whose end is final', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const topic = `run:${id(7)}`
    const onRefused = vi.fn()
    session.follow({ topic, onFrame: hear, onRefused })
    await test.settle()
    test.server.expire(topic, 'not_found')
    await test.settle()
    expect(sent('subscribe')).toHaveLength(2)
    expect(onRefused).toHaveBeenCalledExactlyOnceWith('not_found', 'The subscription has ended.')
  })

  it('stops following a topic when its last follower leaves', () => {
    const leave = session.follow({ topic: 'metrics', onFrame: hear })
    const leaveToo = session.follow({ topic: 'metrics', onFrame: hear })
    leave()
    expect(sent('unsubscribe')).toEqual([])
    leaveToo()
    expect(sent('unsubscribe')).toEqual([{ type: 'unsubscribe', topic: 'metrics' }])
  })

  it('leaves nothing behind when it is stopped', async () => {
    session.stop()
    await test.settle()
    expect(test.clock.pending).toBe(0)
    expect(test.server.newest.open).toBe(false)
  })
})

describe('a connection that is lost', () => {
  it('asks a server that is silent too long whether it is there, and leaves one that does not answer', async () => {
    await test.clock.advance(ACK_MS)
    const silence = SILENT_BEATS * test.server.heartbeatMs
    await test.clock.advance(silence)
    expect(sent('ping')).toHaveLength(2)
    expect(test.server.sockets).toHaveLength(1)
    test.server.newest.dead = true
    publish(1)
    await test.clock.advance(silence + PONG_MS + LONG)
    expect(test.server.sockets).toHaveLength(2)
    expect(heard).toEqual(ids(1))
  })

  it('asks at once when another network or the person is back', async () => {
    await test.network.set(false)
    await test.network.set(true)
    await test.visibility.set(false)
    await test.visibility.set(true)
    expect(sent('ping')).toHaveLength(3)
    test.server.newest.dead = true
    await test.visibility.set(true)
    await test.clock.advance(PONG_MS + LONG)
    expect(test.server.sockets).toHaveLength(2)
  })

  it('does not wait for ever for a welcome', async () => {
    test.server.silent = true
    test.server.newest.close()
    await test.clock.advance(1_000)
    expect(test.server.sockets).toHaveLength(2)
    test.server.silent = false
    await test.clock.advance(WELCOME_MS + LONG)
    expect(session.state()).toEqual({ kind: 'live' })
  })

  it('waits longer after each failure, with full jitter, and starts anew after a good time', async () => {
    test.server.refusing = 1006
    test.server.newest.close()
    await test.clock.advance(0)
    const times: number[] = []
    for (let half = 1; half <= 32; half += 1) {
      const before = test.server.sockets.length
      await test.clock.advance(500)
      if (test.server.sockets.length > before) times.push(half / 2)
    }
    // Half of 0.5, 1, 2, 4, 8, 15 s: 0.25, 0.75, 1.75, 3.75, 7.75, 15.25.
    expect(times).toEqual([0.5, 1, 2, 4, 8, 15.5])
    test.server.refusing = undefined
    await test.clock.advance(LONG)
    expect(session.state()).toEqual({ kind: 'live' })
    const before = test.server.sockets.length
    test.server.newest.close()
    await test.clock.advance(500)
    expect(test.server.sockets).toHaveLength(before + 1)
  })

  it('waits for the network while there is none, and comes back with it at once', async () => {
    await test.network.set(false)
    test.server.newest.close()
    publish(1)
    await test.clock.advance(3_600_000)
    expect(session.state()).toEqual({ kind: 'waiting', waiting: { kind: 'network' } })
    expect(test.server.sockets).toHaveLength(1)
    await test.network.set(true)
    expect(heard).toEqual(ids(1))
  })

  it.each([
    [4409, 'another socket has the session'],
    [4400, 'the server does not understand this client'],
  ])('begins a new session after %i: %s', async (code) => {
    test.server.newest.close(code)
    await test.clock.advance(LONG)
    expect(sent('resume')).toEqual([])
    expect(standing).toBe(2)
  })

  it('holds back after 4429, and goes on with its session then', async () => {
    test.server.newest.close(4429)
    await test.clock.advance(3_000)
    expect(test.server.sockets).toHaveLength(1)
    await test.clock.advance(LONG)
    expect(sent('resume')).toHaveLength(1)
  })

  it('takes 4401 for the end when nobody is signed in any more', async () => {
    test.server.newest.close(4401)
    await test.clock.advance(LONG)
    expect(session.state()).toEqual({ kind: 'refused' })
    expect(test.server.sockets).toHaveLength(1)
    expect(test.clock.pending).toBe(0)
  })

  it('begins a new session after 4401 when a newer sign-in holds', async () => {
    test.signedIn.value = true
    test.server.newest.close(4401)
    await test.clock.advance(LONG)
    expect(session.state()).toEqual({ kind: 'live' })
    expect(sent('resume')).toEqual([])
    expect(standing).toBe(2)
  })
})

describe('a page that nobody looks at', () => {
  it('lets its socket go after a while, having said how far it came, and comes back with the person', async () => {
    publish(1)
    await test.visibility.set(false)
    await test.clock.advance(REST_MS - 1)
    expect(test.server.newest.open).toBe(true)
    publish(2)
    await test.clock.advance(1)
    expect(test.server.newest.open).toBe(false)
    expect(session.state()).toEqual({ kind: 'resting' })
    const [kept] = test.server.sessions.values()
    expect(kept?.acked).toBe(kept?.frames.length)
    publish(3)
    await test.clock.advance(LONG)
    expect(test.server.sockets).toHaveLength(1)
    await test.visibility.set(true)
    expect(heard).toEqual(ids(1, 2, 3))
  })

  it('does not try to come back while nobody looks', async () => {
    await test.visibility.set(false)
    test.server.newest.close()
    await test.clock.advance(3_600_000)
    expect(test.server.sockets).toHaveLength(1)
    await test.visibility.set(true)
    expect(session.state()).toEqual({ kind: 'live' })
  })
})

describe('whatever happens', () => {
  it('a copy that is read anew when it must be agrees with the server in the end (100 seeds)', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined)
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    for (let seed = 1; seed <= 100; seed += 1) {
      const random = seeded(seed)
      await begin(random)
      const truth = new Set<string>()
      const copy = new Set<string>()
      session.follow({
        topic: 'inbox',
        onFrame: (frame) => {
          if (frame.type !== 'inbox' || frame.change.type !== 'deleted') return
          const { conversationId } = frame.change
          // Once and in order: a change that toggles would show any double.
          if (!copy.delete(conversationId)) copy.add(conversationId)
        },
        onStanding: () => {
          copy.clear()
          for (const item of truth) copy.add(item)
        },
      })
      for (let step = 0; step < 60; step += 1) {
        const dice = random()
        if (dice < 0.5) {
          const item = 1 + Math.floor(random() * 9)
          if (!truth.delete(id(item))) truth.add(id(item))
          publish(item)
        } else if (dice < 0.62) test.server.newest.close(random() < 0.5 ? 1006 : 1001)
        else if (dice < 0.68) test.server.newest.dead = true
        else if (dice < 0.72) {
          test.server.forget()
          test.server.newest.close(1001)
        } else if (dice < 0.76)
          test.server.refusing = test.server.refusing === undefined ? 1006 : undefined
        else if (dice < 0.8) await test.network.set(!test.network.isOnline())
        else if (dice < 0.84) await test.visibility.set(!test.visibility.isVisible())
        else if (dice < 0.87) test.server.expire('inbox', 'inbox_expired')
        else if (dice < 0.9)
          test.server.newest.say({ type: 'inbox', seq: 10_000, change: deleted(1) })
        else await test.clock.advance(random() * 20_000)
      }
      test.server.refusing = undefined
      await test.network.set(true)
      await test.visibility.set(true)
      await test.clock.advance(5 * LONG)
      expect(session.state(), `seed ${seed}`).toEqual({ kind: 'live' })
      expect([...copy].sort(), `seed ${seed}`).toEqual([...truth].sort())
      session.stop()
      await test.settle()
      expect(test.clock.pending, `seed ${seed}`).toBe(0)
    }
  }, 60_000)
})
