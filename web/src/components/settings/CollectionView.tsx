'use client'

import type { LucideIcon } from 'lucide-react'
import type { ReactNode } from 'react'

import type { CollectionState } from '@/stores/collection'

import { ListMessage } from '../tools/ListMessage'
import { ListSkeleton } from '../tools/ListSkeleton'
import { LoadFailure } from '../tools/LoadFailure'

interface CollectionViewProps<Item> {
  /** What is listed, for screen readers and for sentences: `devices`. */
  name: string
  state: CollectionState<Item>
  onLoad: () => Promise<void>
  empty: { Icon: LucideIcon; title: string; text: string }
  children: (item: Item) => ReactNode
}

/** A list that the server has: while it loads, when it fails, when it is empty, and as it is. */
export function CollectionView<Item extends { readonly id: string }>({
  children,
  empty,
  name,
  onLoad,
  state,
}: CollectionViewProps<Item>) {
  const { items, load } = state
  if (load.kind === 'failed') {
    return (
      <Frame>
        <LoadFailure
          title={`The ${name} could not be loaded`}
          failure={load.failure}
          onRetry={onLoad}
        />
      </Frame>
    )
  }
  if (load.kind !== 'ready') {
    return (
      <Frame>
        <ListSkeleton label={`Loading the ${name}`} rows={3} />
      </Frame>
    )
  }
  if (items.length === 0) {
    return (
      <Frame>
        <ListMessage Icon={empty.Icon} title={empty.title}>
          {empty.text}
        </ListMessage>
      </Frame>
    )
  }
  return (
    <ul
      aria-label={`${name.charAt(0).toUpperCase()}${name.slice(1)}`}
      className="divide-y rounded-xl border bg-card"
    >
      {items.map((item) => (
        <li key={item.id} className="flex items-center gap-3 px-4 py-3">
          {children(item)}
        </li>
      ))}
    </ul>
  )
}

function Frame({ children }: { children: ReactNode }) {
  return <div className="rounded-xl border bg-card">{children}</div>
}
