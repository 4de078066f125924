import { zServerFrame } from '@/types/generated/frames.gen'
import type { ClientFrame, ServerFrame } from '@/types/session'

import { createLogger } from './logger'
import { parseJson } from './validators'
import type { Follower, Line, SessionContext, TopicFrame } from './ws.types'

/** How long the server may take to say `welcome`, in milliseconds. */
export const WELCOME_MS = 10_000
/** How long the server may take to answer a ping, in milliseconds. */
export const PONG_MS = 10_000
/** So many frames, or so many milliseconds after the first of them, and the server hears that they have arrived. */
export const ACK_FRAMES = 64
export const ACK_MS = 1_000
/** Heartbeats without a frame after which the server is asked whether it is there. */
export const SILENT_BEATS = 2.5
/** A page that nobody has looked at for so long lets its socket go, in milliseconds. */
export const REST_MS = 5 * 60_000

/** Codes by which the server ends a subscription that can begin anew at once. */
const RESUBSCRIBABLE: ReadonlySet<string> = new Set(['inbox_expired'])

const log = createLogger('session')
const noop = (): void => undefined

/** How one socket ended: the other side closed it, or this side for one of its own reasons. */
export type Ending =
  | { readonly kind: 'closed'; readonly code: number }
  /** Nothing came when something had to. */
  | { readonly kind: 'silent' }
  /** What came does not follow from what came before. */
  | { readonly kind: 'broken' }
  /** Nobody looks at the page. */
  | { readonly kind: 'rested' }
  /** The session was stopped. */
  | { readonly kind: 'left' }

/** Talks over one socket until it ends; goes on with the session that the context remembers, if the server does. */
export function talk(
  context: SessionContext,
  signal: AbortSignal,
  onLive: () => void,
): Promise<Ending> {
  return new Promise((resolve) => {
    const current = new Talk(context, onLive, (ending) => {
      signal.removeEventListener('abort', leave)
      resolve(ending)
    })
    const leave = () => {
      current.end({ kind: 'left' })
    }
    signal.addEventListener('abort', leave)
    if (signal.aborted) leave()
  })
}

class Talk {
  private phase: 'greeting' | 'resuming' | 'live' | 'over' = 'greeting'
  private readonly line: Line
  /** The pings that are not answered yet, and what their answers mean. */
  private readonly pings = new Map<string, () => void>()
  private readonly unsubscribe: (() => void)[]
  private heartbeatMs = 0
  private unacked = 0
  private readonly timers = { deadline: noop, silence: noop, ack: noop, rest: noop }

  constructor(
    private readonly context: SessionContext,
    private readonly onLive: () => void,
    private readonly onEnd: (ending: Ending) => void,
  ) {
    const { connect, connectivity, visibility } = context.deps
    this.timers.deadline = this.after(WELCOME_MS, { kind: 'silent' })
    this.unsubscribe = [
      connectivity.subscribe(() => {
        // Another network may have taken the place of the one that the socket went over.
        if (connectivity.isOnline()) this.ping()
      }),
      visibility.subscribe(() => {
        // Whoever slept wakes to a socket that may be long dead.
        if (visibility.isVisible()) this.ping()
        this.rest()
      }),
    ]
    this.line = connect({
      onText: (text) => {
        this.receive(text)
      },
      onClosed: (code) => {
        this.end({ kind: 'closed', code })
      },
    })
  }

  /** Ends it once; the socket, the timers and the listeners are gone then. */
  end(ending: Ending): void {
    if (this.phase === 'over') return
    if (this.phase === 'live' && ending.kind === 'rested') this.acknowledge()
    this.phase = 'over'
    this.context.live = undefined
    for (const cancel of Object.values(this.timers)) cancel()
    for (const unsubscribe of this.unsubscribe) unsubscribe()
    if (ending.kind !== 'closed') this.line.close()
    this.onEnd(ending)
  }

  private receive(text: string): void {
    if (this.phase === 'over') return
    let frame: ServerFrame
    try {
      frame = parseJson(zServerFrame, text, 'a frame')
    } catch (error) {
      log.error('a frame breaks the contract', { reason: String(error) })
      this.end({ kind: 'broken' })
      return
    }
    if (frame.type === 'welcome') this.welcome(frame)
    else if (this.phase !== 'live') this.end({ kind: 'broken' })
    else if (frame.type === 'pong') this.ponged(frame.id)
    else this.take(frame)
    if (this.isOver() || this.heartbeatMs === 0) return
    this.timers.silence()
    this.timers.silence = this.context.deps.clock.after(SILENT_BEATS * this.heartbeatMs, () => {
      this.ping()
    })
  }

  private welcome(frame: ServerFrame & { type: 'welcome' }): void {
    const { memory } = this.context
    this.heartbeatMs = frame.heartbeatMs
    if (this.phase === 'greeting' && memory) {
      this.phase = 'resuming'
      this.send({ type: 'resume', session: memory.session, seq: memory.seq })
      return
    }
    if (this.phase === 'live' || (frame.resumed && frame.session !== memory?.session)) {
      this.end({ kind: 'broken' })
      return
    }
    if (!frame.resumed) {
      this.context.memory = { session: frame.session, seq: frame.seq }
      for (const follower of this.context.followers) this.context.unconfirmed.add(follower)
    }
    this.timers.deadline()
    this.phase = 'live'
    this.context.live = {
      send: (sent) => {
        this.send(sent)
      },
      announce: (follower) => {
        this.announce(follower)
      },
    }
    for (const follower of this.context.unconfirmed) this.announce(follower)
    this.rest()
    this.onLive()
  }

  /** A numbered frame: the next one, or one that came before, or the end of the session. */
  private take(frame: TopicFrame): void {
    const { memory } = this.context
    if (frame.type === 'metrics' || !memory) {
      this.deliver(frame)
      return
    }
    if (frame.seq <= memory.seq) return
    if (frame.seq > memory.seq + 1) {
      log.error('frames are missing', { last: memory.seq, next: frame.seq })
      this.end({ kind: 'broken' })
      return
    }
    this.deliver(frame)
    this.context.memory = { ...memory, seq: frame.seq }
    this.unacked += 1
    if (this.unacked >= ACK_FRAMES) this.acknowledge()
    else if (this.unacked === 1) {
      this.timers.ack = this.context.deps.clock.after(ACK_MS, () => {
        this.acknowledge()
      })
    }
  }

  private deliver(frame: TopicFrame): void {
    const topic = topicOf(frame)
    const followers = [...this.context.followers].filter((follower) => follower.topic === topic)
    if (frame.type === 'error' && frame.id === undefined) {
      log.warn('the server refuses a frame', { code: frame.code, topic })
      for (const follower of followers) this.refuse(follower, frame)
      return
    }
    // Whoever followed it left while there was no socket to say so.
    if (followers.length === 0 && topic !== undefined && frame.type !== 'error')
      this.send({ type: 'unsubscribe', topic })
    for (const follower of followers) follower.onFrame(frame)
  }

  /** The server does not follow the topic, or follows it no longer. */
  private refuse(follower: Follower, { code, message }: TopicFrame & { type: 'error' }): void {
    if (!RESUBSCRIBABLE.has(code)) {
      this.context.unconfirmed.delete(follower)
      follower.onRefused?.(code, message)
      return
    }
    this.context.unconfirmed.add(follower)
    this.announce(follower)
  }

  private announce(follower: Follower): void {
    const after = follower.after?.()
    this.send({
      type: 'subscribe',
      topic: follower.topic,
      ...(after !== undefined && { after }),
    })
    // Not at `subscribed`: a resumed session repeats that of an earlier socket before the frames that were missed.
    this.ping(() => {
      if (this.context.unconfirmed.delete(follower)) follower.onStanding?.()
    })
  }

  /**
   * Asks the server whether it is still there: a browser does not show the WebSocket's own pings to its scripts. The answer
   * comes after everything that was sent before it.
   */
  private ping(onPong: () => void = noop): void {
    if (this.phase !== 'live') return
    const id = this.context.deps.newUuid()
    if (this.pings.size === 0) this.timers.deadline = this.after(PONG_MS, { kind: 'silent' })
    this.pings.set(id, onPong)
    this.send({ type: 'ping', id })
  }

  private ponged(id: string): void {
    const onPong = this.pings.get(id)
    if (!onPong) return
    this.pings.delete(id)
    if (this.pings.size === 0) this.timers.deadline()
    onPong()
  }

  private acknowledge(): void {
    this.timers.ack()
    if (this.unacked === 0 || !this.context.memory) return
    this.unacked = 0
    this.send({ type: 'ack', seq: this.context.memory.seq })
  }

  private rest(): void {
    this.timers.rest()
    if (this.phase === 'live' && !this.context.deps.visibility.isVisible())
      this.timers.rest = this.after(REST_MS, { kind: 'rested' })
  }

  private send(frame: ClientFrame): void {
    this.line.send(JSON.stringify(frame))
  }

  private after(ms: number, ending: Ending): () => void {
    return this.context.deps.clock.after(ms, () => {
      this.end(ending)
    })
  }

  private isOver(): boolean {
    return this.phase === 'over'
  }
}

/** The topic that a frame comes of; an error of the whole session comes of none. */
function topicOf(frame: TopicFrame): string | undefined {
  switch (frame.type) {
    case 'chunk':
      return `run:${frame.run}`
    case 'tool_update':
    case 'partial_result':
    case 'complete':
      return `job:${frame.id}`
    case 'error':
      return frame.topic ?? (frame.id === undefined ? undefined : `job:${frame.id}`)
    case 'inbox':
    case 'metrics':
      return frame.type
    case 'subscribed':
      return frame.topic
  }
}
