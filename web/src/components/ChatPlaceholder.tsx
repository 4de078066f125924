import { Skeleton } from '@/components/ui/skeleton'

import { Greeting, MODEL_NOTE_ROOM, SuggestionsPlaceholder } from './chat/Welcome'
import { HistoryPlaceholder } from './layout/HistoryPlaceholder'
import { ShellFrame } from './layout/ShellFrame'
import { MessageListSkeleton } from './Skeleton'

/**
 * The page as it is served: what stands here is painted before any script has run. Which of the two
 * middles is shown follows the address, by the inline script in the root layout.
 */
export function ChatPlaceholder() {
  return (
    <ShellFrame
      sidebar="open"
      panel={<HistoryPlaceholder />}
      header={
        <header className="flex h-(--header-height) shrink-0 items-center justify-between border-b px-5">
          <Skeleton className="h-4 w-32" />
          <Skeleton className="h-4 w-40" />
        </header>
      }
    >
      <div className="flex min-h-0 flex-1 flex-col overflow-hidden in-data-[thread=open]:hidden">
        <div className="column my-auto flex flex-col py-8 max-sm:pt-4 max-sm:pb-7">
          <Greeting />
          <SuggestionsPlaceholder />
          <div className={MODEL_NOTE_ROOM} />
        </div>
      </div>
      <div className="hidden min-h-0 flex-1 overflow-hidden in-data-[thread=open]:block">
        <MessageListSkeleton />
      </div>
      <div className="column pt-1 pb-2">
        <div className="h-12.5 rounded-3xl border border-input shadow-sm" />
        <div className="min-h-7 max-lg:hidden" />
      </div>
    </ShellFrame>
  )
}
