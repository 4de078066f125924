import { PagePlaceholder } from '../layout/PagePlaceholder'
import { SettingsSkeleton } from './SettingsSkeleton'
import { CONTENT_ID, SKIP } from './skip'

/** The page as it is served: what stands here is painted before any script has run. */
export function SettingsPlaceholder() {
  return (
    <PagePlaceholder title="Settings" skip={SKIP}>
      <div className="h-11 shrink-0 border-b" />
      <div
        id={CONTENT_ID}
        className="mx-auto flex w-full max-w-2xl flex-col px-4 py-6 sm:px-6 sm:py-8"
      >
        <SettingsSkeleton />
      </div>
    </PagePlaceholder>
  )
}
