import { Plus, Trash2 } from 'lucide-react'

import { Button } from '@/components/ui/button'
import { Input } from '@/components/ui/input'

import type { Pair } from './draft'

interface PairsFieldProps {
  label: string
  /** What a name is called here: "variable", "header". */
  word: string
  pairs: readonly Pair[]
  onChange: (pairs: readonly Pair[]) => void
}

/** Names and their secret values. */
export function PairsField({ label, onChange, pairs, word }: PairsFieldProps) {
  const put = (changed: Pair) => {
    onChange(pairs.map((pair) => (pair.id === changed.id ? changed : pair)))
  }
  return (
    <fieldset className="flex min-w-0 flex-col gap-2">
      <legend className="mb-1.5 text-[0.8125rem] font-medium">{label}</legend>
      {pairs.map((pair, place) => (
        <div key={pair.id} className="flex gap-2">
          <Input
            aria-label={`Name of ${word} ${place + 1}`}
            placeholder="Name"
            value={pair.name}
            readOnly={pair.isKept}
            spellCheck={false}
            autoComplete="off"
            className="flex-2 font-mono text-[0.8125rem] max-lg:h-11 max-lg:text-base"
            onChange={({ target }) => {
              put({ ...pair, name: target.value })
            }}
          />
          <Input
            type="password"
            aria-label={`Value of ${word} ${place + 1}`}
            placeholder={pair.isKept ? 'Stays as it is' : 'Value'}
            value={pair.value}
            autoComplete="new-password"
            className="flex-3 font-mono text-[0.8125rem] max-lg:h-11 max-lg:text-base"
            onChange={({ target }) => {
              put({ ...pair, value: target.value })
            }}
          />
          <Button
            variant="ghost"
            size="icon"
            aria-label={`Remove ${word} ${place + 1}`}
            onClick={() => {
              onChange(pairs.filter((other) => other !== pair))
            }}
          >
            <Trash2 aria-hidden="true" />
          </Button>
        </div>
      ))}
      <Button
        variant="ghost"
        size="sm"
        className="-ml-2 w-fit"
        onClick={() => {
          const id = Math.max(-1, ...pairs.map((pair) => pair.id)) + 1
          onChange([...pairs, { id, name: '', value: '', isKept: false }])
        }}
      >
        <Plus aria-hidden="true" />
        Add a {word}
      </Button>
    </fieldset>
  )
}
