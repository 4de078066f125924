import type { Metadata } from 'next'
import Link from 'next/link'

import { LogoMark } from '@/components/layout/Logo'
import { Button } from '@/components/ui/button'

export const metadata: Metadata = { title: 'Page not found' }

export default function NotFound() {
  return (
    <main className="column flex h-dvh flex-col items-center justify-center gap-2 text-center">
      <LogoMark className="mb-2 size-9 text-primary" />
      <h1 className="text-lg font-semibold tracking-tight">There is no such page</h1>
      <p className="max-w-sm text-sm leading-6 text-muted-foreground">
        The address may be mistyped, or the page has moved.
      </p>
      <Button asChild className="mt-4">
        <Link href="/chat">Go to the chat</Link>
      </Button>
    </main>
  )
}
