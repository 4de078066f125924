import { getMe } from '@/lib/account'
import { type Clock, systemClock } from '@/lib/clock'
import { loadChunk } from '@/lib/chunk'
import { browserConnectivity } from '@/lib/connectivity'
import { ApiError } from '@/lib/errors'
import { type Fetch, request } from '@/lib/fetcher'
import { randomUuid } from '@/lib/id'
import { pageVisibility } from '@/lib/visibility'
import { type Follower, type Session, browserConnect, startSession } from '@/lib/ws'

import { approvals } from './approvals.store'
import { chat } from './chat.store'
import { connectionStore, type ConnectionState } from './connection.store'
import { conversations } from './conversations.store'
import { type InboxDeps, inboxFollower } from './inbox'

/** How long the session may be away before the page asks whether the server is there at all, in milliseconds. */
export const GRACE_MS = 8_000

const ignore = (): void => undefined

/** The session that the page has just now, if it has one. */
let current: Session | undefined
/** Who follows a topic on the page, and how that ends in the session it has. */
const followings = new Map<Follower, (() => void) | undefined>()

/** Follows a topic over the page's session, also one that is yet to be started, until the returned function is called. */
export function followTopic(follower: Follower): () => void {
  followings.set(follower, current?.follow(follower))
  return () => {
    followings.get(follower)?.()
    followings.delete(follower)
  }
}

/**
 * Keeps what the page shows in agreement with the server and the person's other tabs and devices, until the returned
 * function is called.
 */
export function startLive(page: Pick<InboxDeps, 'shown' | 'onGone'>): () => void {
  const session = startSession({
    connect: browserConnect,
    clock: systemClock,
    random: Math.random,
    connectivity: browserConnectivity,
    visibility: pageVisibility,
    newUuid: randomUuid,
    isSignedIn,
  })
  session.follow(inboxFollower({ approvals, chat, conversations, ...page }))
  current = session
  for (const follower of followings.keys()) followings.set(follower, session.follow(follower))
  // Nothing waits for it, and nothing is missed without it.
  loadChunk(() => import('./telemetry')).then(({ tellTelemetry }) => {
    tellTelemetry()
  }, ignore)
  const tell = () => {
    connectionStore.setState({ news: session.state().kind })
  }
  const untell = session.subscribe(tell)
  tell()
  const unwatch = watchServer(session, {
    clock: systemClock,
    fetch: (input, init) => fetch(input, init),
    show: (server) => {
      connectionStore.setState({ server })
    },
  })
  return () => {
    unwatch()
    untell()
    session.stop()
    if (current !== session) return
    current = undefined
    for (const follower of followings.keys()) followings.set(follower, undefined)
  }
}

export interface WatchDeps {
  readonly clock: Clock
  readonly fetch: Fetch
  readonly show: (server: ConnectionState['server']) => void
}

/**
 * Tells whether the server answers. A socket that does not come to be is no proof: a proxy may let none through, and
 * then everything works but the news. So the page asks over HTTP, and only after a while.
 */
export function watchServer(session: Pick<Session, 'state' | 'subscribe'>, deps: WatchDeps) {
  let cancel: (() => void) | undefined
  let stopped = false

  const calm = () => {
    cancel?.()
    cancel = undefined
    deps.show('there')
  }
  const wait = () => {
    cancel ??= deps.clock.after(GRACE_MS, () => void look())
  }
  const look = async () => {
    const isThere = await answers(deps.fetch)
    if (stopped || cancel === undefined) return
    deps.show(isThere ? 'there' : 'away')
    cancel = undefined
    onState()
  }
  const onState = () => {
    const state = session.state()
    const isAway =
      state.kind === 'connecting' || (state.kind === 'waiting' && state.waiting.kind === 'retry')
    if (isAway) wait()
    else calm()
  }

  const unsubscribe = session.subscribe(onState)
  onState()
  return () => {
    stopped = true
    unsubscribe()
    calm()
  }
}

/** Asks as whom the page is known; the answer to somebody who is signed out leads to the sign-in. */
async function isSignedIn(): Promise<boolean> {
  try {
    await getMe({ fetch: (input, init) => fetch(input, init) })
    return true
  } catch (error) {
    return !(error instanceof ApiError && error.status === 401)
  }
}

async function answers(fetch: Fetch): Promise<boolean> {
  try {
    await request('/healthz', { fetch })
    return true
  } catch (error) {
    // A proxy in front of a server that is away says 502 or 504.
    return error instanceof ApiError && error.status !== 502 && error.status !== 504
  }
}
