import { HistoryPlaceholder } from '../layout/HistoryPlaceholder'
import { ShellFrame } from '../layout/ShellFrame'
import { SettingsSkeleton } from './SettingsSkeleton'
import { CONTENT_ID, SKIP } from './skip'

/** The page as it is served: what stands here is painted before any script has run. */
export function SettingsPlaceholder() {
  return (
    <ShellFrame
      skip={SKIP}
      sidebar="open"
      panel={<HistoryPlaceholder />}
      header={
        <header className="flex h-(--header-height) shrink-0 items-center gap-1 border-b px-2 sm:px-3">
          <span className="size-9 lg:hidden" />
          <h1 className="px-1.5 text-sm font-medium">Settings</h1>
        </header>
      }
    >
      <div className="h-11 shrink-0 border-b" />
      <div
        id={CONTENT_ID}
        className="mx-auto flex w-full max-w-2xl flex-col px-4 py-6 sm:px-6 sm:py-8"
      >
        <SettingsSkeleton />
      </div>
    </ShellFrame>
  )
}
