import { Skeleton } from '@/components/ui/skeleton'

/** A part of the settings before it is known who asks. */
export function SettingsSkeleton() {
  return (
    <div role="status" aria-label="Loading the settings" className="flex flex-col gap-5">
      <Skeleton className="h-5 w-32" />
      <Skeleton className="h-4 w-full max-w-md" />
      <Skeleton className="h-10 w-full max-w-md" />
      <Skeleton className="h-10 w-full max-w-md" />
    </div>
  )
}
