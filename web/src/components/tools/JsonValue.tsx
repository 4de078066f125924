import { CopyButton } from '../CopyButton'

interface JsonValueProps {
  label: string
  value: unknown
}

/** A value as text that can be read and copied: a text as it is, everything else as JSON. Never as markup. */
export function JsonValue({ label, value }: JsonValueProps) {
  const text = textOf(value)
  return (
    <figure className="group relative min-w-0">
      <figcaption className="mb-1.5 flex h-7 items-center justify-between text-xs font-medium text-muted-foreground">
        {label}
        <CopyButton text={() => text} label={`Copy: ${label}`} />
      </figcaption>
      {/* A scrollable region must be reachable by keyboard. */}
      <pre
        tabIndex={0}
        role="group"
        aria-label={label}
        className="max-h-96 scrollbar-thin overflow-auto rounded-lg border bg-code px-3 py-2.5 font-mono text-[0.8125rem] leading-5 [overflow-wrap:anywhere] whitespace-pre-wrap text-code-foreground"
      >
        {text}
      </pre>
    </figure>
  )
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  return JSON.stringify(value, undefined, 2)
}
