import { cn } from '@/lib/utils'

interface ProgressProps {
  label: string
  /** From 0 to 1; undefined while nobody knows. */
  value: number | undefined
  className?: string
}

/** How far something has come. */
function Progress({ className, label, value }: ProgressProps) {
  const percent =
    value === undefined ? undefined : Math.round(100 * Math.min(1, Math.max(0, value)))
  return (
    <div
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={percent}
      data-slot="progress"
      className={cn('h-1.5 overflow-hidden rounded-full bg-foreground/10', className)}
    >
      <div
        className={cn(
          'h-full origin-left rounded-full bg-primary transition-transform duration-500 ease-linear',
          percent === undefined && 'w-1/3 animate-pulse',
        )}
        style={percent === undefined ? undefined : { transform: `scaleX(${percent / 100})` }}
      />
    </div>
  )
}

export { Progress }
