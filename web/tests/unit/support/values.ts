import type { Clock } from '@/lib/clock'
import type { Connectivity } from '@/lib/connectivity'
import type { TextStorage } from '@/lib/storage'
import type { Visibility } from '@/lib/visibility'

/** Lets everything that is ready go on, without time passing. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 12; turn += 1) {
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
  }
}

/** A clock that stands still until it is told otherwise. */
export class ManualClock implements Clock {
  private time = Date.parse('2026-01-31T12:00:00.000Z')
  private timers: { at: number; action: () => void }[] = []

  now = () => this.time

  after = (ms: number, action: () => void) => {
    const timer = { at: this.time + ms, action }
    this.timers.push(timer)
    return () => {
      this.timers = this.timers.filter((other) => other !== timer)
    }
  }

  /** How many timers are set. */
  get pending(): number {
    return this.timers.length
  }

  /** Lets `ms` milliseconds pass, timer by timer, and everything that follows from each happen. */
  async advance(ms: number): Promise<void> {
    const end = this.time + ms
    await settle()
    for (;;) {
      const due = this.timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0]
      if (!due) break
      this.timers = this.timers.filter((other) => other !== due)
      this.time = due.at
      due.action()
      await settle()
    }
    this.time = end
  }
}

/** A network that is there, or not, as told. */
export class ManualNetwork implements Connectivity {
  private online = true
  private readonly listeners = new Set<() => void>()

  isOnline = () => this.online

  subscribe = (listener: () => void) => {
    this.listeners.add(listener)
    return () => {
      this.listeners.delete(listener)
    }
  }

  async set(online: boolean): Promise<void> {
    this.online = online
    for (const listener of [...this.listeners]) listener()
    await settle()
  }
}

/** A page that somebody looks at, or nobody, as told. */
export class ManualVisibility implements Visibility {
  private visible = true
  private readonly listeners = new Set<() => void>()

  isVisible = () => this.visible

  subscribe = (listener: () => void) => {
    this.listeners.add(listener)
    return () => {
      this.listeners.delete(listener)
    }
  }

  async set(visible: boolean): Promise<void> {
    this.visible = visible
    for (const listener of [...this.listeners]) listener()
    await settle()
  }
}

/** Storage in memory. */
export function memoryStorage(
  entries: Record<string, string> = {},
): TextStorage & { entries: Record<string, string> } {
  const map = new Map(Object.entries(entries))
  return {
    get entries() {
      return Object.fromEntries(map)
    },
    read: (key) => map.get(key),
    write: (key, text) => {
      if (text === '') map.delete(key)
      else map.set(key, text)
    },
    keys: () => [...map.keys()],
  }
}

/** The n-th id of a kind: a UUIDv7 that sorts by n. */
export function id(n: number): string {
  return `01890000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`
}

/** Numbers in [0, 1) that are the same in every run (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}
