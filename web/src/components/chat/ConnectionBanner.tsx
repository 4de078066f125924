'use client'

import { WifiOff } from 'lucide-react'

import { useOnline } from '@/hooks/useOnline'
import { useStream } from '@/hooks/useStream'

/** Says that the network is away, and that nothing is lost by it. */
export function ConnectionBanner({ thread }: { thread: string }) {
  const online = useOnline()
  const { busy } = useStream(thread)
  return (
    // The region is always there, so that a screen reader hears what comes into it.
    <div role="status" data-connection={online ? 'online' : 'offline'}>
      {!online && (
        <div className="animate-in border-b border-warning/25 bg-warning-surface fade-in-0 slide-in-from-top-2">
          <p className="column flex min-h-10 items-center justify-center gap-2 py-2 text-[0.8125rem] leading-5 text-warning">
            <WifiOff aria-hidden="true" className="size-4 shrink-0" />
            {busy
              ? 'You are offline. The answer goes on at the server and will appear when you are back.'
              : 'You are offline. What you send goes out when you are back.'}
          </p>
        </div>
      )}
    </div>
  )
}
