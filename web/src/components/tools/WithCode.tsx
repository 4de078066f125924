/** Plain text in which `backticks` mark code; everything else stays as it is written. */
export function WithCode({ text }: { text: string }) {
  return text.split(/`([^`\n]+)`/).map((part, place) =>
    place % 2 === 0 ? (
      part
    ) : (
      <code key={place} className="rounded bg-muted px-1 py-px font-mono text-[0.92em]">
        {part}
      </code>
    ),
  )
}
