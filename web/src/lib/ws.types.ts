import type { ClientFrame, ServerFrame } from '@/types/session'

import type { RetryDeps, Waiting } from './retry'
import type { Visibility } from './visibility'

/** A socket that is open or about to be. */
export interface Line {
  /** Only after the server has said something. What the socket cannot take any more is lost. */
  readonly send: (text: string) => void
  /** Lets it go; nothing is heard of it any more. */
  readonly close: () => void
}

/** Opens a socket. `onClosed` comes once, also when it could not be opened. */
export type Connect = (listener: {
  readonly onText: (text: string) => void
  readonly onClosed: (code: number) => void
}) => Line

/** What a session depends on, as values. */
export interface SessionDeps extends RetryDeps {
  readonly connect: Connect
  readonly visibility: Visibility
  /** A fresh UUID. */
  readonly newUuid: () => string
  /** Whether the person is still signed in, after a socket was closed because they are not. Does not reject. */
  readonly isSignedIn: () => Promise<boolean>
}

/** How the session is: `resting` while nobody looks at the page, `waiting` for the next try, `refused` for good. */
export type SessionState =
  | { readonly kind: 'resting' | 'connecting' | 'live' | 'refused' }
  | { readonly kind: 'waiting'; readonly waiting: Waiting }

/** A frame that may come of a topic. */
export type TopicFrame = Exclude<ServerFrame, { type: 'welcome' | 'pong' }>

/** Who follows a topic. */
export interface Follower {
  readonly topic: string
  /** The newest event of the topic's log that the follower has, for topics with a log. */
  readonly after?: () => number
  /** Each frame of the topic: once, in order. */
  readonly onFrame: (frame: TopicFrame) => void
  /**
   * The server follows the topic from now on. Earlier frames may be missing, unless `after` named where to begin: a follower that
   * keeps a copy loads it again. Also called after the server ended the subscription and took it up again.
   */
  readonly onStanding?: () => void
  /** The server does not show the topic, or shows it no longer. */
  readonly onRefused?: (code: string, message: string) => void
}

/** What the sockets of a session share. */
export interface SessionContext {
  readonly deps: SessionDeps
  readonly followers: Set<Follower>
  /** Those of the followers that the server may not know yet. */
  readonly unconfirmed: Set<Follower>
  /** The session that the next socket goes on with, and the newest frame that was processed. */
  memory: { readonly session: string; readonly seq: number } | undefined
  /** While a socket is live. */
  live: { send: (frame: ClientFrame) => void; announce: (follower: Follower) => void } | undefined
}
