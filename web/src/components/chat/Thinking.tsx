/** Shown between sending and the first token. The dots rest when less motion is asked for. */
export function Thinking({ label }: { label: string }) {
  return (
    <p className="flex h-7 items-center gap-2.5 text-sm text-muted-foreground" data-thinking="">
      <span aria-hidden="true" className="flex gap-1">
        {[0, 160, 320].map((delay) => (
          <span
            key={delay}
            className="size-1.5 animate-dot rounded-full bg-primary"
            style={{ animationDelay: `${delay}ms` }}
          />
        ))}
      </span>
      {label}
    </p>
  )
}
