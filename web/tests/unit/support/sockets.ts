import { startSession, type Connect, type Session, type TopicFrame } from '@/lib/ws'
import type { ClientFrame, ServerFrame } from '@/types/session'

import { ManualClock, ManualNetwork, ManualVisibility, id, settle } from './values'

/** What the server keeps of a session: all that it said, by number from 1, and what the client follows. */
interface KeptSession {
  readonly frames: ServerFrame[]
  readonly topics: Set<string>
  acked: number
}

type Body = TopicFrame extends infer F
  ? F extends { seq: number }
    ? Omit<F, 'seq'>
    : never
  : never

/** One socket, seen from the server. */
export class FakeSocket {
  /** What the client has sent. */
  readonly received: ClientFrame[] = []
  session = ''
  open = true
  /** Nothing goes through any more, and nobody is told. */
  dead = false

  constructor(
    private readonly server: FakeSockets,
    private readonly listener: Parameters<Connect>[0],
  ) {}

  line() {
    return {
      send: (text: string) => {
        const frame = JSON.parse(text) as ClientFrame
        this.received.push(frame)
        if (!this.open || this.dead) return
        queueMicrotask(() => {
          this.server.answer(this, frame)
        })
      },
      close: () => {
        this.open = false
      },
    }
  }

  /** Says something as it is. */
  say(frame: unknown): void {
    if (this.open && !this.dead) this.listener.onText(JSON.stringify(frame))
  }

  /** Closes it from the server's side, or on the way. */
  close(code = 1006): void {
    if (!this.open) return
    this.open = false
    this.listener.onClosed(code)
  }
}

/** A server of `weir.v1` that keeps its sessions, and forgets them when it is told to. */
export class FakeSockets {
  readonly sockets: FakeSocket[] = []
  readonly sessions = new Map<string, KeptSession>()
  /** Sockets that do not come to be are closed with this code. */
  refusing: number | undefined
  /** Topics that nobody may follow. */
  readonly refusedTopics = new Set<string>()
  /** Says nothing to those that come. */
  silent = false
  heartbeatMs = 15_000
  private made = 0

  readonly connect: Connect = (listener) => {
    const socket = new FakeSocket(this, listener)
    this.sockets.push(socket)
    queueMicrotask(() => {
      if (this.refusing !== undefined) socket.close(this.refusing)
      else if (!this.silent) this.greet(socket)
    })
    return socket.line()
  }

  /** The newest socket. */
  get newest(): FakeSocket {
    const socket = this.sockets.at(-1)
    if (!socket) throw new Error('no socket was opened')
    return socket
  }

  /** A numbered frame to everybody who follows the topic, whether they have a socket or not. */
  publish(topic: string, body: Body): void {
    for (const [session, kept] of this.sessions)
      if (kept.topics.has(topic)) this.give(session, body)
  }

  /** Ends everybody's subscription to the topic; frames that would have come meanwhile are lost. */
  expire(topic: string, code: string): void {
    for (const [session, kept] of this.sessions)
      if (kept.topics.delete(topic))
        this.give(session, { type: 'error', topic, code, message: 'The subscription has ended.' })
  }

  /** Forgets every session, as a restart does. */
  forget(): void {
    this.sessions.clear()
  }

  answer(socket: FakeSocket, frame: ClientFrame): void {
    const kept = this.sessions.get(socket.session)
    switch (frame.type) {
      case 'resume': {
        const before = this.sessions.get(frame.session)
        if (!before || frame.seq > before.frames.length || frame.seq < before.acked) {
          this.welcome(socket, 0, false)
          return
        }
        this.sessions.delete(socket.session)
        for (const other of this.sockets)
          if (other !== socket && other.session === frame.session) other.close(4409)
        socket.session = frame.session
        this.welcome(socket, frame.seq, true)
        for (const missed of before.frames.slice(frame.seq)) socket.say(missed)
        return
      }
      case 'ack':
        if (kept) kept.acked = Math.max(kept.acked, frame.seq)
        return
      case 'subscribe':
        if (this.refusedTopics.has(frame.topic)) {
          const { topic } = frame
          const message = 'There is no such topic.'
          this.give(socket.session, { type: 'error', topic, code: 'not_found', message })
        } else {
          kept?.topics.add(frame.topic)
          this.give(socket.session, { type: 'subscribed', topic: frame.topic })
        }
        return
      case 'unsubscribe':
        kept?.topics.delete(frame.topic)
        return
      case 'ping':
        socket.say({ type: 'pong', id: frame.id })
        return
      case 'cancel_tool':
      case 'invoke_tool':
        this.give(socket.session, {
          type: 'error',
          id: frame.id,
          code: 'unknown_tool',
          message: 'There is no such tool call.',
        })
    }
  }

  private greet(socket: FakeSocket): void {
    this.made += 1
    socket.session = id(10_000 + this.made)
    this.sessions.set(socket.session, { frames: [], topics: new Set(), acked: 0 })
    this.welcome(socket, 0, false)
  }

  private welcome(socket: FakeSocket, seq: number, resumed: boolean): void {
    const { heartbeatMs } = this
    socket.say({ type: 'welcome', session: socket.session, seq, resumed, heartbeatMs })
  }

  private give(session: string, body: Body): void {
    const kept = this.sessions.get(session)
    if (!kept) return
    const frame = { ...body, seq: kept.frames.length + 1 } as ServerFrame
    kept.frames.push(frame)
    for (const socket of this.sockets) if (socket.session === session) socket.say(frame)
  }
}

/** A session over a fake server, with time, network and eyes in a test's hands. */
export function testSession(random: () => number = () => 0.5) {
  const server = new FakeSockets()
  const clock = new ManualClock()
  const network = new ManualNetwork()
  const visibility = new ManualVisibility()
  let made = 0
  const signedIn = { value: false }
  const start = (): Session =>
    startSession({
      connect: server.connect,
      clock,
      random,
      connectivity: network,
      visibility,
      newUuid: () => id(50_000 + (made += 1)),
      isSignedIn: () => Promise.resolve(signedIn.value),
    })
  return { server, clock, network, visibility, signedIn, start, settle }
}
