const SIGNS_OF_LIFE = ['pointerdown', 'pointermove', 'touchstart', 'keydown'] as const
/** When nobody has touched the page for so long, the browser has nothing better to do, in milliseconds. */
const IDLE_MS = 3_000

/**
 * Calls `action` once, when the person does the first thing on the page, or does nothing for a while: out of the way of
 * the first paint. The returned function calls it off.
 */
export function atFirstSignOfLife(action: () => void): () => void {
  const stop = () => {
    clearTimeout(timer)
    for (const sign of SIGNS_OF_LIFE) window.removeEventListener(sign, act)
  }
  const act = () => {
    stop()
    action()
  }
  const timer = setTimeout(act, IDLE_MS)
  for (const sign of SIGNS_OF_LIFE) window.addEventListener(sign, act, { passive: true })
  return stop
}
