import { createLogger } from './logger'
import { waitToRetry } from './retry'
import type { Visibility } from './visibility'
import { type Ending, talk } from './ws.talk'
import type { Connect, Follower, SessionContext, SessionDeps, SessionState } from './ws.types'

export type { Connect, Follower, SessionDeps, SessionState, TopicFrame } from './ws.types'

/** A socket that lived so long was no failed attempt, in milliseconds. */
const STABLE_MS = 10_000
/** Where the backoff starts after the server has found fault with this client. */
const AT_FAULT = 4

const log = createLogger('session')

export interface Session {
  /** Follows a topic until the returned function is called; through lost connections too. */
  readonly follow: (follower: Follower) => () => void
  readonly state: () => SessionState
  /** Calls `listener` on each change of the state, until the returned function is called. */
  readonly subscribe: (listener: () => void) => () => void
  /** Closes the socket and lets go of everything. */
  readonly stop: () => void
}

/**
 * A session with the server over WebSockets (`weir.v1`): it outlives its sockets. What the server said while a socket
 * was lost is given once and in order when the session can be resumed, and `onStanding` says so when it can not.
 */
export function startSession(deps: SessionDeps): Session {
  const context: SessionContext = {
    deps,
    followers: new Set(),
    unconfirmed: new Set(),
    memory: undefined,
    live: undefined,
  }
  const abort = new AbortController()
  const listeners = new Set<() => void>()
  let state: SessionState = { kind: 'connecting' }

  const show = (next: SessionState) => {
    if (state.kind === next.kind && next.kind !== 'waiting') return
    state = next
    for (const listener of listeners) listener()
  }

  void keepTalking(context, abort.signal, show)

  return {
    follow: (follower) => {
      context.followers.add(follower)
      context.unconfirmed.add(follower)
      context.live?.announce(follower)
      return () => {
        context.followers.delete(follower)
        context.unconfirmed.delete(follower)
        const others = [...context.followers].some(({ topic }) => topic === follower.topic)
        if (!others) context.live?.send({ type: 'unsubscribe', topic: follower.topic })
      }
    },
    state: () => state,
    subscribe: (listener) => {
      listeners.add(listener)
      return () => {
        listeners.delete(listener)
      }
    },
    stop: () => {
      abort.abort()
    },
  }
}

/** One socket after another, until the session is stopped or refused. */
async function keepTalking(
  context: SessionContext,
  signal: AbortSignal,
  show: (state: SessionState) => void,
): Promise<void> {
  const { clock, visibility } = context.deps
  for (let attempt = 0; ;) {
    if (!visibility.isVisible()) {
      show({ kind: 'resting' })
      await whenVisible(visibility, signal)
    }
    if (signal.aborted) return
    show({ kind: 'connecting' })
    const begun = clock.now()
    const ending = await talk(context, signal, () => {
      show({ kind: 'live' })
    })
    log.debug('a socket has ended', { ...ending })
    if (ending.kind === 'left') return
    if (ending.kind === 'rested') continue
    if (ending.kind === 'closed' && ending.code === 4401) {
      show({ kind: 'refused' })
      // A sign-in that took the place of another ends the sockets of that one only.
      if (!(await context.deps.isSignedIn())) return
      context.memory = undefined
    }
    attempt = nextAttempt(context, ending, clock.now() - begun >= STABLE_MS ? 0 : attempt)
    await patience(context.deps, attempt, signal, show)
    attempt += 1
  }
}

/** What the end of a socket means for the session and for the next try. */
function nextAttempt(context: SessionContext, ending: Ending, attempt: number): number {
  if (ending.kind === 'broken') {
    // A gap that cannot be filled is no session any more: a new one tells its followers so.
    context.memory = undefined
    return Math.max(attempt, AT_FAULT)
  }
  if (ending.kind !== 'closed') return attempt
  switch (ending.code) {
    case 4400:
      context.memory = undefined
      return Math.max(attempt, AT_FAULT)
    case 4409:
      context.memory = undefined
      return attempt
    case 4429:
      return Math.max(attempt, AT_FAULT)
    default:
      return attempt
  }
}

/** Waits for the next try: for the network, else for the backoff, or until somebody comes back to the page. */
async function patience(
  deps: SessionDeps,
  attempt: number,
  signal: AbortSignal,
  show: (state: SessionState) => void,
): Promise<void> {
  const early = new AbortController()
  const wake = () => {
    if (signal.aborted || deps.visibility.isVisible()) early.abort()
  }
  const unsubscribe = deps.visibility.subscribe(wake)
  signal.addEventListener('abort', wake)
  await waitToRetry(attempt, deps, early.signal, (waiting) => {
    show({ kind: 'waiting', waiting })
  })
  signal.removeEventListener('abort', wake)
  unsubscribe()
}

function whenVisible(visibility: Visibility, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (!signal.aborted && !visibility.isVisible()) return
      unsubscribe()
      signal.removeEventListener('abort', look)
      resolve()
    }
    const unsubscribe = visibility.subscribe(look)
    signal.addEventListener('abort', look)
    look()
  })
}

/** A socket of the browser to the server that the page came from. */
export const browserConnect: Connect = ({ onClosed, onText }) => {
  const url = new URL('/api/ws', window.location.href)
  url.protocol = url.protocol.replace('http', 'ws')
  const socket = new WebSocket(url, 'weir.v1')
  socket.onmessage = ({ data }) => {
    // The contract knows text only; anything else is no JSON either.
    onText(typeof data === 'string' ? data : '')
  }
  socket.onclose = ({ code }) => {
    onClosed(code)
  }
  return {
    send: (text) => {
      // To a socket that is closing nothing can be said, and its end will be told.
      if (socket.readyState === WebSocket.OPEN) socket.send(text)
    },
    close: () => {
      socket.onmessage = null
      socket.onclose = null
      const close = () => {
        socket.close(1000)
      }
      // One that is still opening is closed once it is open: before that the browser complains.
      if (socket.readyState === WebSocket.CONNECTING) socket.onopen = close
      else close()
    },
  }
}
