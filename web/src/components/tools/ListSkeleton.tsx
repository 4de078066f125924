import { Skeleton } from '@/components/ui/skeleton'

/** Rows of a list while it loads. */
export function ListSkeleton({ label, rows = 6 }: { label: string; rows?: number }) {
  return (
    <div role="status" aria-label={label} className="flex flex-col gap-1 p-2">
      {Array.from({ length: rows }, (_, index) => (
        <div key={index} className="flex flex-col gap-2 rounded-lg px-3 py-3">
          <Skeleton className="h-4" style={{ width: `${62 - ((index * 17) % 30)}%` }} />
          <Skeleton className="h-3" style={{ width: `${95 - ((index * 23) % 35)}%` }} />
        </div>
      ))}
    </div>
  )
}
