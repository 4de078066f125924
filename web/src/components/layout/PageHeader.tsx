import { ApprovalsButton } from './ApprovalsButton'
import { HistoryButtons } from './HistoryButtons'
import { MoreMenu } from './MoreMenu'

/** The name of a page beside the chat, and the ways to everything else. */
export function PageHeader({ title }: { title: string }) {
  return (
    <header className="flex [height:calc(var(--header-height)+env(safe-area-inset-top))] h-(--header-height) shrink-0 items-center gap-1 border-b px-2 pt-[env(safe-area-inset-top)] sm:px-3">
      <HistoryButtons />
      <h1 className="min-w-0 flex-1 truncate px-1.5 text-sm font-medium">{title}</h1>
      <ApprovalsButton />
      <MoreMenu />
    </header>
  )
}
