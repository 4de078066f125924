import { Skeleton } from '@/components/ui/skeleton'

import { PANEL_GRID, TILE_GRID } from './grids'

/** Where the figures and charts will stand. */
export function DashboardSkeleton() {
  return (
    <div
      role="status"
      aria-label="Loading the dashboard"
      className="flex flex-col gap-4 overflow-hidden p-4 sm:p-6"
    >
      <Skeleton className="h-10 max-w-md" />
      <div className={TILE_GRID.page}>
        {Array.from({ length: 10 }, (_, index) => (
          <Skeleton key={index} className="h-28 rounded-xl" />
        ))}
      </div>
      <div className={PANEL_GRID.page}>
        {Array.from({ length: 6 }, (_, index) => (
          <Skeleton key={index} className="h-64 rounded-xl" />
        ))}
      </div>
    </div>
  )
}
