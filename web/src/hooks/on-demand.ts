'use client'

import {
  type Attributes,
  type ComponentType,
  createElement,
  type ReactElement,
  useEffect,
  useSyncExternalStore,
} from 'react'

import { loadChunk } from '@/lib/chunk'
import { atFirstSignOfLife } from '@/lib/idle'

/** Draws a component that came later than the page; another `key` makes another one. */
export type Draw<Props> = (props: Props & Attributes) => ReactElement

type Chunk<Props> =
  | { readonly kind: 'none' }
  | { readonly kind: 'loading' }
  | { readonly kind: 'ready'; readonly draw: Draw<Props> }
  | { readonly kind: 'failed'; readonly error: unknown }

/**
 * A component in a part of the script that is not there at the first paint. The hook that is returned gives the way to
 * draw it as soon as it has come: it is fetched at once when it is `needed`, else at the first sign of life.
 * What is needed and cannot be fetched is thrown to the error page.
 *
 * `React.lazy` would show its fallback for a moment even when the part is there already, and take the control away
 * that the person has just used.
 */
export function onDemand<Props extends object>(
  load: () => Promise<ComponentType<Props>>,
): (needed: boolean) => Draw<Props> | undefined {
  let chunk: Chunk<Props> = { kind: 'none' }
  const listeners = new Set<() => void>()

  const settle = (settled: Chunk<Props>) => {
    chunk = settled
    for (const listener of listeners) listener()
  }

  const fetchOnce = () => {
    if (chunk.kind === 'loading' || chunk.kind === 'ready') return
    chunk = { kind: 'loading' }
    loadChunk(load).then(
      (component) => {
        settle({ kind: 'ready', draw: (props) => createElement(component, props) })
      },
      (error: unknown) => {
        settle({ kind: 'failed', error })
      },
    )
  }

  const subscribe = (listener: () => void) => {
    listeners.add(listener)
    return () => {
      listeners.delete(listener)
    }
  }

  return function useOnDemand(needed) {
    const current = useSyncExternalStore(
      subscribe,
      () => chunk,
      () => undefined,
    )
    useEffect(() => {
      if (!needed) return atFirstSignOfLife(fetchOnce)
      fetchOnce()
      return undefined
    }, [needed])
    if (needed && current?.kind === 'failed') throw current.error
    return current?.kind === 'ready' ? current.draw : undefined
  }
}
