import type { Failure } from '@/lib/failure'

/** How far a list or a thread has been loaded. */
export type LoadState =
  | { readonly kind: 'idle' }
  | { readonly kind: 'loading' }
  | { readonly kind: 'ready' }
  /** There is no such thing, or it is somebody else's. */
  | { readonly kind: 'missing' }
  | { readonly kind: 'failed'; readonly failure: Failure }

/** What lies beyond the last loaded page. */
export type MoreState =
  | { readonly kind: 'none' }
  | { readonly kind: 'available' }
  | { readonly kind: 'loading' }
  | { readonly kind: 'failed'; readonly failure: Failure }

export const IDLE: LoadState = { kind: 'idle' }
export const LOADING: LoadState = { kind: 'loading' }
export const READY: LoadState = { kind: 'ready' }
export const MISSING: LoadState = { kind: 'missing' }
export const NO_MORE: MoreState = { kind: 'none' }

/** What lies beyond a page with this cursor. */
export function beyond(cursor: string | undefined): MoreState {
  return cursor === undefined ? NO_MORE : { kind: 'available' }
}
