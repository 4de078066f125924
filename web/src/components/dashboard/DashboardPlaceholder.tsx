import { HistoryPlaceholder } from '../layout/HistoryPlaceholder'
import { ShellFrame } from '../layout/ShellFrame'
import { DashboardSkeleton } from './DashboardSkeleton'
import { SKIP } from './skip'

/** The page as it is served: what stands here is painted before any script has run. */
export function DashboardPlaceholder() {
  return (
    <ShellFrame
      skip={SKIP}
      sidebar="open"
      panel={<HistoryPlaceholder />}
      header={
        <header className="flex h-(--header-height) shrink-0 items-center gap-1 border-b px-2 sm:px-3">
          <span className="size-9 lg:hidden" />
          <h1 className="px-1.5 text-sm font-medium">Dashboard</h1>
        </header>
      }
    >
      <DashboardSkeleton />
    </ShellFrame>
  )
}
