import { Skeleton } from '@/components/ui/skeleton'
import type { McpLogLine } from '@/types/servers'

/** What a server said beside the protocol, newest last. It is a stranger's text. */
export function ServerLog({ lines }: { lines: readonly McpLogLine[] | undefined }) {
  return (
    <section aria-labelledby="server-log" className="flex flex-col gap-2">
      <h3 id="server-log" className="text-sm font-semibold">
        Log
      </h3>
      {lines === undefined ? (
        <div role="status" aria-label="Loading the log">
          <Skeleton className="h-24" />
        </div>
      ) : lines.length === 0 ? (
        <p className="text-[0.8125rem] text-muted-foreground">It has said nothing.</p>
      ) : (
        <div
          tabIndex={0}
          role="group"
          aria-label="Lines of the log"
          className="max-h-96 scrollbar-thin overflow-auto rounded-lg border bg-code px-3 py-2.5 font-mono text-xs leading-5 text-code-foreground"
        >
          {lines.map(({ at, text }, place) => (
            <p key={place} className="[overflow-wrap:anywhere] whitespace-pre-wrap">
              <time dateTime={at} className="mr-3 text-muted-foreground select-none">
                {new Date(at).toLocaleTimeString(undefined, { hour12: false })}
              </time>
              {text}
            </p>
          ))}
        </div>
      )}
    </section>
  )
}
