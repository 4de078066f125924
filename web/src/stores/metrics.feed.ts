import { startLive } from './live'
import { metrics } from './metrics.store'

/** Opens the page's session at once and follows the figures over it, until the returned function is called. */
export function startFeed(): () => void {
  // No conversation is on the screen that could change or be deleted elsewhere.
  const stop = startLive({ shown: () => undefined, onGone: () => undefined })
  const unwatch = metrics.watch()
  return () => {
    unwatch()
    stop()
  }
}
