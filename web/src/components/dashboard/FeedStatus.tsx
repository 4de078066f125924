'use client'

import { cn } from '@/lib/utils'
import { useConnection } from '@/stores/connection.store'
import { useFeed } from '@/stores/metrics.store'

import type { Look } from './grids'

/** Says whether the figures are of now, and if not, since when. */
export function FeedStatus({ look }: { look: Look }) {
  const { feed, heardAt } = useFeed()
  const { news } = useConnection()
  const away = news === 'waiting' || news === 'connecting'
  const state =
    feed === 'refused' || news === 'refused'
      ? 'refused'
      : feed === 'stale'
        ? away
          ? 'reconnecting'
          : 'stale'
        : feed === 'live'
          ? away
            ? 'reconnecting'
            : 'live'
          : 'connecting'
  return (
    <p
      role="status"
      data-feed={state}
      className={cn(
        'flex items-center gap-2 text-sm tabular-nums',
        look === 'wall' && 'md:text-[2.2vmin]',
      )}
    >
      <span
        aria-hidden="true"
        className={cn(
          'size-2 shrink-0 rounded-full',
          look === 'wall' && 'md:size-[1.2vmin]',
          DOTS[state],
        )}
      />
      <span className={state === 'live' ? 'font-medium' : 'font-medium text-warning'}>
        {WORDS[state]}
        {heardAt !== undefined && (state === 'stale' || state === 'reconnecting') && (
          <>
            {' '}
            since{' '}
            <time dateTime={new Date(heardAt).toISOString()}>
              {new Date(heardAt).toLocaleTimeString()}
            </time>
          </>
        )}
      </span>
    </p>
  )
}

type State = 'live' | 'connecting' | 'reconnecting' | 'stale' | 'refused'

const WORDS: Record<State, string> = {
  live: 'Live',
  connecting: 'Connecting…',
  reconnecting: 'Reconnecting… No figures',
  stale: 'No figures',
  refused: 'The server shows you no figures',
}

const DOTS: Record<State, string> = {
  live: 'bg-success',
  connecting: 'animate-pulse bg-warning',
  reconnecting: 'animate-pulse bg-warning',
  stale: 'bg-warning',
  refused: 'bg-destructive',
}
