import { PagePlaceholder } from '../layout/PagePlaceholder'
import { DashboardSkeleton } from './DashboardSkeleton'
import { SKIP } from './skip'

/** The page as it is served: what stands here is painted before any script has run. */
export function DashboardPlaceholder() {
  return (
    <PagePlaceholder title="Dashboard" skip={SKIP}>
      <DashboardSkeleton />
    </PagePlaceholder>
  )
}
