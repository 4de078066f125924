import { type ReactNode, useId } from 'react'

interface LabelledProps {
  label: string
  hint?: string
  /** What is wrong with it; empty when nothing is. */
  fault?: string
  children: (field: {
    id: string
    'aria-invalid': boolean
    'aria-describedby': string | undefined
  }) => ReactNode
}

/** A field with its name, a word on it, and what is wrong with it. */
export function Labelled({ children, fault = '', hint = '', label }: LabelledProps) {
  const id = useId()
  const ids = [fault !== '' && `${id}-fault`, hint !== '' && `${id}-hint`].filter(Boolean)
  return (
    <div className="flex min-w-0 flex-col gap-1.5">
      <label htmlFor={id} className="text-[0.8125rem] font-medium">
        {label}
      </label>
      {children({
        id,
        'aria-invalid': fault !== '',
        'aria-describedby': ids.length > 0 ? ids.join(' ') : undefined,
      })}
      {hint !== '' && (
        <p id={`${id}-hint`} className="text-xs leading-5 text-muted-foreground">
          {hint}
        </p>
      )}
      {fault !== '' && (
        <p id={`${id}-fault`} className="text-xs leading-5 text-destructive">
          {fault}
        </p>
      )}
    </div>
  )
}
