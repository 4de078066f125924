'use client'

import { ArrowLeft } from 'lucide-react'
import Link from 'next/link'
import { useEffect, useRef, type ReactNode } from 'react'

import { type ToolsPlace, toolsPath } from '@/hooks/useToolsPlace'

interface DetailHeaderProps {
  id: string
  title: string
  /** Where the list is, for those who see one pane only. */
  back: ToolsPlace
  backLabel: string
  /** What the address names: whoever went there is led to this heading. */
  named: string | undefined
  children?: ReactNode
}

/** The heading of what was chosen in a list. */
export function DetailHeader({ back, backLabel, children, id, named, title }: DetailHeaderProps) {
  const heading = useRef<HTMLHeadingElement>(null)
  const link = useRef<HTMLAnchorElement>(null)

  useEffect(() => {
    // The list has gone from the screen, and what had the focus with it.
    if (named !== undefined && link.current?.offsetParent != null) heading.current?.focus()
  }, [named])

  return (
    <header className="flex flex-col gap-2">
      <Link
        ref={link}
        href={toolsPath(back)}
        prefetch={false}
        className="-ml-2 flex h-10 w-fit items-center gap-1.5 rounded-md px-2 text-sm text-muted-foreground outline-none hover:text-foreground focus-visible:ring-2 focus-visible:ring-ring @3xl:hidden"
      >
        <ArrowLeft aria-hidden="true" className="size-4" />
        {backLabel}
      </Link>
      <h2
        ref={heading}
        id={id}
        tabIndex={-1}
        className="text-xl font-semibold tracking-tight [overflow-wrap:anywhere] outline-none"
      >
        {title}
      </h2>
      {children !== undefined && (
        <div className="flex flex-wrap items-center gap-x-3 gap-y-1.5">{children}</div>
      )}
    </header>
  )
}
