import { Skeleton as Bar } from '@/components/ui/skeleton'

/** What a conversation looks like while it loads: the same column, bubbles and lines. */
export function MessageListSkeleton() {
  return (
    <div
      role="status"
      aria-label="Loading the conversation"
      className="column flex flex-col gap-8 py-8"
    >
      <Exchange bubble="w-2/5" lines={['w-full', 'w-11/12', 'w-3/5']} />
      <Exchange bubble="w-3/5" lines={['w-full', 'w-full', 'w-4/5', 'w-2/5']} />
    </div>
  )
}

function Exchange({ bubble, lines }: { bubble: string; lines: string[] }) {
  return (
    <>
      <Bar className={`h-11 self-end rounded-2xl ${bubble}`} />
      <div className="flex flex-col gap-3">
        {lines.map((width, index) => (
          <Bar key={index} className={`h-4 ${width}`} />
        ))}
      </div>
    </>
  )
}

/** Rows of the history panel while it loads. */
export function HistorySkeleton({ rows = 6 }: { rows?: number }) {
  return (
    <div role="status" aria-label="Loading conversations" className="flex flex-col gap-1 px-2 py-1">
      {Array.from({ length: rows }, (_, index) => (
        <div key={index} className="flex h-9 items-center px-2">
          <Bar className="h-3.5" style={{ width: `${85 - ((index * 23) % 45)}%` }} />
        </div>
      ))}
    </div>
  )
}
