import type { PageError, Telemetry, WebVital } from '@/types/telemetry'

import type { Clock } from './clock'
import { hearing } from './logger'
import type { TextStorage } from './storage'
import type { Visibility } from './visibility'

/** How long the first entry of a batch waits for others, in milliseconds. */
export const BATCH_MS = 10_000
/** So many entries of a kind are sent in one batch: as many as the server takes. */
export const BATCH_SIZE = 32
/** So many errors are told of one page; one that fails for ever does not talk for ever. */
export const MOST_ERRORS = 64
const LONGEST_NAME = 64
/** Where it is kept that nothing is to be told. */
const STORED = 'telemetry'

/** What telling the server depends on, as values. */
export interface TelemetryDeps {
  readonly clock: Clock
  readonly visibility: Visibility
  /** Sends a body even while the page goes away; false when the browser takes no more. */
  readonly send: (body: string) => boolean
  /** The path of the page. */
  readonly page: () => string
  /** Whether anything may be told now. */
  readonly allowed: () => boolean
  /** Tells each of the Web Vitals, some of them only when the page is left. */
  readonly observe: (onVital: (name: WebVital['name'], value: number) => void) => void
}

/** Whether the browser asks in the person's name not to be tracked: that is heeded without a question. */
export function refusesTracking(navigator: Navigator): boolean {
  const { globalPrivacyControl } = navigator as { globalPrivacyControl?: boolean }
  return globalPrivacyControl === true || navigator.doNotTrack === '1'
}

/** Whether the person has switched it off in this browser. */
export function isSwitchedOff(storage: TextStorage): boolean {
  return storage.read(STORED) === 'off'
}

/** Switches it on or off in this browser, from now on. */
export function switchTelemetry(storage: TextStorage, on: boolean): void {
  storage.write(STORED, on ? '' : 'off')
}

/**
 * Tells the server how fast its pages are and where they fail, in batches: kinds and paths, no texts. Until the returned
 * function is called.
 */
export function startTelemetry(deps: TelemetryDeps): () => void {
  let vitals: WebVital[] = []
  let errors: PageError[] = []
  let told = 0
  let cancel: (() => void) | undefined

  const flush = () => {
    cancel?.()
    cancel = undefined
    if (vitals.length + errors.length === 0) return
    const body: Telemetry = { vitals, errors }
    vitals = []
    errors = []
    // What the browser does not take is lost: nothing here is worth keeping.
    if (deps.allowed()) deps.send(JSON.stringify(body))
  }
  const schedule = () => {
    if (vitals.length >= BATCH_SIZE || errors.length >= BATCH_SIZE) flush()
    else cancel ??= deps.clock.after(BATCH_MS, flush)
  }
  const fail = (area: string, error: unknown) => {
    if (!deps.allowed() || told >= MOST_ERRORS) return
    told += 1
    errors.push({ name: nameOf(error), area: fitting(area), page: fitting(deps.page()) })
    schedule()
  }

  const onError = (event: ErrorEvent) => {
    fail('page', event.error)
  }
  const onRejection = (event: PromiseRejectionEvent) => {
    fail('promise', event.reason)
  }
  window.addEventListener('error', onError)
  window.addEventListener('unhandledrejection', onRejection)
  hearing.error = (area, { name }) => {
    fail(area, { name: name ?? 'Error' })
  }
  const unsubscribe = deps.visibility.subscribe(() => {
    // It may never be looked at again.
    if (!deps.visibility.isVisible()) flush()
  })
  deps.observe((name, value) => {
    if (!deps.allowed()) return
    vitals.push({ name, value, page: fitting(deps.page()) })
    if (deps.visibility.isVisible()) schedule()
    else flush()
  })

  return () => {
    flush()
    unsubscribe()
    window.removeEventListener('error', onError)
    window.removeEventListener('unhandledrejection', onRejection)
    delete hearing.error
  }
}

function nameOf(error: unknown): string {
  const name = typeof error === 'object' && error !== null && 'name' in error ? error.name : 'Error'
  return fitting(typeof name === 'string' ? name : 'Error')
}

/** A name as the server takes it: letters, digits, and what paths are made of. */
function fitting(text: string): string {
  const name = text.replaceAll(/[^\w/.-]/g, '').slice(0, LONGEST_NAME)
  return name === '' ? 'unknown' : name
}
