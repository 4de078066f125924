'use client'

import { createElement, useSyncExternalStore, type ReactElement } from 'react'

/** Draws the message list of a thread; another `key` makes another list. */
type DrawList = (thread: string, key: string) => ReactElement

type Chunk =
  { kind: 'loading' } | { kind: 'ready'; draw: DrawList } | { kind: 'failed'; error: unknown }

/*
 * The message list with markdown in it is half of the page's script, and an empty page shows no
 * message: it is fetched right after the first paint. `React.lazy` would show its fallback for a
 * moment even when the chunk is there already.
 */
let chunk: Chunk | undefined
const listeners = new Set<() => void>()

function settle(settled: Chunk) {
  chunk = settled
  for (const listener of listeners) listener()
}

/** Fetches the message list once; harmless to repeat. */
export function preloadStreamContainer(): void {
  if (chunk !== undefined && chunk.kind !== 'failed') return
  chunk = { kind: 'loading' }
  import('../StreamContainer').then(
    (module) => {
      settle({
        kind: 'ready',
        draw: (thread, key) => createElement(module.StreamContainer, { key, thread }),
      })
    },
    (error: unknown) => {
      settle({ kind: 'failed', error })
    },
  )
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  preloadStreamContainer()
  return () => {
    listeners.delete(listener)
  }
}

/** The message list, once it has come. A chunk that cannot be fetched is thrown to the error page. */
export function useStreamContainer(): DrawList | undefined {
  const current = useSyncExternalStore(
    subscribe,
    () => chunk,
    () => undefined,
  )
  if (current?.kind === 'failed') throw current.error
  return current?.kind === 'ready' ? current.draw : undefined
}
