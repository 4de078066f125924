/** Calls `action` before the next paint. */
export type ScheduleFrame = (action: () => void) => void

/** The longest that a hidden page, which gets no frames, holds a batch back, in milliseconds. */
const HIDDEN_MS = 100

/** `requestAnimationFrame`, with a timer behind it: a hidden page gets no frames, but still has to keep up. */
export const animationFrame: ScheduleFrame = (action) => {
  let called = false
  const once = () => {
    if (called) return
    called = true
    cancelAnimationFrame(frame)
    clearTimeout(timer)
    action()
  }
  const frame = requestAnimationFrame(once)
  const timer = setTimeout(once, HIDDEN_MS)
}

/** Collects items and hands them on together. */
export interface Batch<T> {
  push(item: T): void
  /** Hands on at once what there is. */
  flush(): void
}

/** A batch that is handed to `consume` once a frame: many tokens, one update of the store. */
export function batchByFrame<T>(
  consume: (items: readonly T[]) => void,
  schedule: ScheduleFrame,
): Batch<T> {
  let items: T[] = []
  const flush = () => {
    if (items.length === 0) return
    const batch = items
    items = []
    consume(batch)
  }
  return {
    push: (item) => {
      items.push(item)
      if (items.length === 1) schedule(flush)
    },
    flush,
  }
}
