import { WifiOff } from 'lucide-react'

import type { Reading } from '@/stores/jobs.store'

/** Says that the news of a job do not come just now, and that nothing is lost by it. */
export function ReadingNote({ reading }: { reading: Reading }) {
  return (
    // The region is always there, so that a screen reader hears what comes into it.
    <div role="status" data-reading={reading.kind} className="empty:absolute">
      {reading.kind === 'waiting' && (
        <p className="flex items-start gap-2 rounded-lg bg-warning-surface px-3 py-2 text-[0.8125rem] leading-5 text-warning">
          <WifiOff aria-hidden="true" className="mt-0.5 size-4 shrink-0" />
          {reading.waiting.kind === 'network'
            ? 'You are offline. The job goes on at the server; this page comes back to it by itself.'
            : 'The connection is lost. The job goes on at the server; this page is coming back to it.'}
        </p>
      )}
    </div>
  )
}
