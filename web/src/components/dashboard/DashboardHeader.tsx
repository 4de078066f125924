import { ApprovalsButton } from '../layout/ApprovalsButton'
import { HistoryButtons } from '../layout/HistoryButtons'
import { MoreMenu } from '../layout/MoreMenu'

/** The page's name, and the ways to everything else. */
export function DashboardHeader() {
  return (
    <header className="flex [height:calc(var(--header-height)+env(safe-area-inset-top))] h-(--header-height) shrink-0 items-center gap-1 border-b px-2 pt-[env(safe-area-inset-top)] sm:px-3">
      <HistoryButtons />
      <h1 className="min-w-0 flex-1 truncate px-1.5 text-sm font-medium">Dashboard</h1>
      <ApprovalsButton />
      <MoreMenu />
    </header>
  )
}
