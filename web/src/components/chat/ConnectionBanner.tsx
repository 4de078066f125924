'use client'

import { ServerOff, WifiOff } from 'lucide-react'

import { useOnline } from '@/hooks/useOnline'
import { useStream } from '@/hooks/useStream'
import { cn } from '@/lib/utils'
import { useConnection } from '@/stores/connection.store'

/** Says that the network or the server is away, and that nothing is lost by it. */
export function ConnectionBanner({ thread }: { thread: string }) {
  const online = useOnline()
  const { news, server } = useConnection()
  const { busy } = useStream(thread)
  const state = !online ? 'offline' : server === 'away' ? 'away' : 'online'
  return (
    // The region is always there, so that a screen reader hears what comes into it.
    <div role="status" data-connection={state} data-news={news}>
      {state !== 'online' && (
        <div
          className={cn(
            'animate-in border-b fade-in-0 slide-in-from-top-2',
            state === 'offline'
              ? 'border-warning/25 bg-warning-surface text-warning'
              : 'bg-muted text-muted-foreground',
          )}
        >
          <p className="column flex min-h-10 items-center justify-center gap-2 py-2 text-[0.8125rem] leading-5">
            {state === 'offline' ? (
              <>
                <WifiOff aria-hidden="true" className="size-4 shrink-0" />
                {busy
                  ? 'You are offline. The answer goes on at the server and will appear when you are back.'
                  : 'You are offline. What you send goes out when you are back.'}
              </>
            ) : (
              <>
                <ServerOff aria-hidden="true" className="size-4 shrink-0" />
                The server does not answer. This page keeps trying; nothing is lost.
              </>
            )}
          </p>
        </div>
      )}
    </div>
  )
}
