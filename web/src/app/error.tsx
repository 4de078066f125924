'use client'

import { useEffect } from 'react'

import { Button } from '@/components/ui/button'
import { createLogger } from '@/lib/logger'

const logger = createLogger('page')

interface ErrorPageProps {
  error: Error & { digest?: string }
  reset: () => void
}

/** What a person sees when a component failed. The conversations are at the server; nothing is lost. */
export default function ErrorPage({ error, reset }: ErrorPageProps) {
  useEffect(() => {
    logger.error('The page failed.', {
      name: error.name,
      reason: error.message,
      digest: error.digest,
    })
  }, [error])

  return (
    <main className="column flex h-dvh flex-col items-center justify-center gap-2 text-center">
      <h1 className="text-lg font-semibold tracking-tight">Something went wrong on this page</h1>
      <p className="max-w-sm text-sm leading-6 text-muted-foreground">
        Your conversations are safe at the server, and an answer that has started goes on there.
      </p>
      <div className="mt-4 flex gap-2">
        <Button onClick={reset}>Try again</Button>
        <Button
          variant="outline"
          onClick={() => {
            window.location.reload()
          }}
        >
          Reload the page
        </Button>
      </div>
    </main>
  )
}
