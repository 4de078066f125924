import { LockOpen } from 'lucide-react'

/** What an open server is, and how it becomes another one. */
export function OpenServerNote() {
  return (
    <div className="flex gap-3 rounded-xl border bg-muted px-4 py-3.5">
      <LockOpen aria-hidden="true" className="mt-0.5 size-4.5 shrink-0 text-muted-foreground" />
      <p className="text-sm leading-6">
        This server is open to the machine it runs on, so nobody signs in: start it with{' '}
        <code className="rounded bg-code px-1.5 py-0.5 font-mono text-[0.8125rem] text-code-foreground">
          WEIR_AUTH=required
        </code>{' '}
        to give people accounts of their own.
      </p>
    </div>
  )
}
