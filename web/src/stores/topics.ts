import type { Follower } from '@/lib/ws.types'

/** Where topics can be followed: the page's session, once its script is there. */
interface Source {
  readonly follow: (follower: Follower) => () => void
}

const followers = new Map<Follower, (() => void) | undefined>()
let source: Source | undefined

/**
 * Follows a topic of the page's session until the returned function is called. The session comes after the first paint:
 * whoever asks before that is served from then on.
 */
export function followTopic(follower: Follower): () => void {
  followers.set(follower, source?.follow(follower))
  return () => {
    followers.get(follower)?.()
    followers.delete(follower)
  }
}

/** The page has a session: whoever waits for one follows from now on, until the returned function is called. */
export function connectTopics(session: Source): () => void {
  source = session
  for (const follower of followers.keys()) followers.set(follower, session.follow(follower))
  return () => {
    if (source !== session) return
    source = undefined
    for (const follower of followers.keys()) followers.set(follower, undefined)
  }
}
