import type { ComponentProps } from 'react'

import { cn } from '@/lib/utils'

/** Water running over a weir: the mark, in the colour of its text. */
export function LogoMark({ className, ...props }: ComponentProps<'svg'>) {
  return (
    <svg
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeLinecap="round"
      strokeWidth="2"
      aria-hidden="true"
      className={cn('size-6', className)}
      {...props}
    >
      <path d="M2.5 7h5.2c5.4 0 2.9 9.4 8.3 9.4h5.5" />
      <path d="M2.5 12h2.3c4.4 0 2.8 7.4 7.2 7.4" opacity=".55" />
      <path d="M13.2 7c2.3.4 2.6 4.8 4.5 4.8h3.8" opacity=".55" />
    </svg>
  )
}
