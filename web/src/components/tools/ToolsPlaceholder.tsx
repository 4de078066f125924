import { Skeleton } from '@/components/ui/skeleton'

import { PagePlaceholder } from '../layout/PagePlaceholder'
import { SKIP } from './skip'
import { ListSkeleton } from './ListSkeleton'
import { TwoPanes } from './TwoPanes'

/** The page as it is served: what stands here is painted before any script has run. */
export function ToolsPlaceholder() {
  return (
    <PagePlaceholder title="Tools" skip={SKIP}>
      <div className="h-11 shrink-0 border-b" />
      <TwoPanes
        label="Tools"
        shown="list"
        list={<ListSkeleton label="Loading the tools" />}
        detail={
          <div className="flex flex-col gap-4 p-8" aria-hidden="true">
            <Skeleton className="h-6 w-48" />
            <Skeleton className="h-4 w-full max-w-lg" />
            <Skeleton className="h-4 w-2/3 max-w-md" />
          </div>
        }
      />
    </PagePlaceholder>
  )
}
