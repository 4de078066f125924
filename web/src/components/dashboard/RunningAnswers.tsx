'use client'

import { Radio } from 'lucide-react'

import { useRunningIds } from '@/stores/metrics.store'

import { RunCard } from './RunCard'

/** So many are shown; each of one's own is a stream of its own. */
const SHOWN = 12

/** The answers that are being written: one's own as they grow, of others how fast they come. */
export function RunningAnswers() {
  const ids = useRunningIds()
  const more = ids.length - SHOWN
  return (
    <section aria-labelledby="running-answers">
      <h2 id="running-answers" className="pb-2 text-sm font-medium">
        Being written now
        {ids.length > 0 && (
          <span className="ml-2 font-normal text-muted-foreground tabular-nums">{ids.length}</span>
        )}
      </h2>
      {ids.length === 0 ? (
        <p className="flex h-44 items-center justify-center gap-2 rounded-xl border border-dashed text-[0.8125rem] text-muted-foreground">
          <Radio aria-hidden="true" className="size-4" />
          No answer is being written. What you ask in a chat shows up here as it grows.
        </p>
      ) : (
        <ul
          aria-label="Being written now"
          // It scrolls sideways, also by the keyboard.
          tabIndex={0}
          className="grid h-44 scrollbar-thin auto-cols-[minmax(17rem,1fr)] grid-flow-col grid-rows-[minmax(0,1fr)] gap-3 overflow-x-auto overflow-y-hidden outline-none focus-visible:ring-2 focus-visible:ring-ring"
        >
          {ids.slice(0, SHOWN).map((id) => (
            <RunCard key={id} id={id} />
          ))}
          {more > 0 && (
            <li className="flex items-center justify-center rounded-xl border border-dashed text-[0.8125rem] text-muted-foreground">
              and {more} more
            </li>
          )}
        </ul>
      )}
    </section>
  )
}
