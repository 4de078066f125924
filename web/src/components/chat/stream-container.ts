'use client'

import { createElement, useEffect, useSyncExternalStore, type ReactElement } from 'react'

import { loadChunk } from '@/lib/chunk'

/** Draws the message list of a thread; another `key` makes another list. */
type DrawList = (thread: string, key: string) => ReactElement

type Chunk =
  { kind: 'loading' } | { kind: 'ready'; draw: DrawList } | { kind: 'failed'; error: unknown }

/*
 * The message list with markdown in it is half of the page's script, and an empty page shows no
 * message. `React.lazy` would show its fallback for a
 * moment even when the chunk is there already.
 */
let chunk: Chunk | undefined
const listeners = new Set<() => void>()

function settle(settled: Chunk) {
  chunk = settled
  for (const listener of listeners) listener()
}

/** Fetches the message list once; harmless to repeat. */
function preloadStreamContainer(): void {
  if (chunk !== undefined && chunk.kind !== 'failed') return
  chunk = { kind: 'loading' }
  loadChunk(() => import('../StreamContainer')).then(
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
  return () => {
    listeners.delete(listener)
  }
}

const SIGNS_OF_LIFE = ['pointerdown', 'pointermove', 'touchstart', 'keydown'] as const
/** When nobody has touched the page, it is fetched anyway: the browser has nothing better to do. */
const IDLE_MS = 3_000

/** Calls `action` once, when the person does the first thing on the page, or does nothing for a while. */
function atFirstSignOfLife(action: () => void): () => void {
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

/**
 * The message list, once it has come: at once when it is `needed`, else out of the way of the first
 * paint. A chunk that cannot be fetched is thrown to the error page.
 */
export function useStreamContainer(needed: boolean): DrawList | undefined {
  const current = useSyncExternalStore(
    subscribe,
    () => chunk,
    () => undefined,
  )
  useEffect(() => {
    if (!needed) return atFirstSignOfLife(preloadStreamContainer)
    preloadStreamContainer()
    return undefined
  }, [needed])
  if (current?.kind === 'failed') throw current.error
  return current?.kind === 'ready' ? current.draw : undefined
}
