'use client'

import { LoaderCircle } from 'lucide-react'
import type { ComponentProps } from 'react'

import { Button } from '@/components/ui/button'
import { useHydrated } from '@/hooks/useHydrated'
import type { Submission } from '@/hooks/useSubmission'
import { cn } from '@/lib/utils'

interface SubmitButtonProps extends ComponentProps<typeof Button> {
  submission: Pick<Submission, 'asking' | 'seconds'>
}

/** Sends a form. While the server wants no other try it counts down, and comes alive again by itself. */
export function SubmitButton({
  children,
  className,
  disabled = false,
  submission,
  ...props
}: SubmitButtonProps) {
  const { asking, seconds } = submission
  const hydrated = useHydrated()
  return (
    <Button
      {...props}
      type="submit"
      disabled={!hydrated || disabled}
      // It keeps the focus while it waits.
      aria-disabled={asking || seconds > 0}
      data-retry-in={seconds > 0 ? seconds : undefined}
      className={cn(
        'tabular-nums disabled:opacity-100 aria-disabled:pointer-events-none aria-disabled:opacity-60',
        className,
      )}
    >
      {asking && <LoaderCircle aria-hidden="true" className="animate-spin" />}
      {seconds > 0 ? `Try again in ${seconds} s` : children}
    </Button>
  )
}
