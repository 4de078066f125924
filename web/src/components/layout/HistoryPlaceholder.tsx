import { Skeleton } from '@/components/ui/skeleton'

import { HistorySkeleton } from '../Skeleton'
import { LogoMark } from './Logo'

/** The history panel before its script has come. */
export function HistoryPlaceholder() {
  return (
    <>
      <div className="flex h-(--header-height) items-center gap-2 pl-4 text-[0.9375rem] font-semibold tracking-tight text-foreground">
        <LogoMark className="size-5.5 text-primary" />
        Weir
      </div>
      <div className="flex flex-col gap-2 px-2.5 pb-4">
        <Skeleton className="h-9" />
        <Skeleton className="h-9" />
      </div>
      <HistorySkeleton />
    </>
  )
}
