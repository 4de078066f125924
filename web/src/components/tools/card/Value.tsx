'use client'

import { CodeBlock } from '../../CodeBlock'
import { labelOf } from '../words'
import { LongText } from './LongText'

/** Fields that are shown one below the other; an object with more is shown as JSON. */
const MOST_FIELDS = 12
/** JSON that stands in the line, in characters. */
const IN_LINE = 80
/** Beyond this JSON is not coloured, in characters. */
const MOST_COLOURED = 60_000

/** Whatever a tool takes or gives, for reading. It is text, never markup. */
export function Value({ value }: { value: unknown }) {
  const fields = fieldsOf(value)
  if (fields === undefined) return <Single value={value} />
  if (fields.length === 0) return <p className="text-muted-foreground">None</p>
  return (
    <dl className="grid grid-cols-[minmax(0,max-content)_minmax(0,1fr)] gap-x-4 gap-y-1.5 max-sm:grid-cols-1 max-sm:gap-y-0">
      {fields.map(([name, part]) => (
        <div key={name} className="contents">
          <dt className="[overflow-wrap:anywhere] text-muted-foreground" title={name}>
            {labelOf(name)}
          </dt>
          <dd className="min-w-0 max-sm:mb-1.5">
            <Single value={part} />
          </dd>
        </div>
      ))}
    </dl>
  )
}

function fieldsOf(value: unknown): [string, unknown][] | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const fields = Object.entries(value)
  return fields.length <= MOST_FIELDS ? fields : undefined
}

function Single({ value }: { value: unknown }) {
  if (typeof value === 'string') return value === '' ? <Empty /> : <PlainText text={value} />
  const text = JSON.stringify(value, null, 2)
  const line = JSON.stringify(value)
  if (line.length <= IN_LINE)
    return <code className="font-mono text-[0.8125rem] [overflow-wrap:anywhere]">{line}</code>
  return (
    <LongText text={text}>
      {(shown) =>
        shown.length <= MOST_COLOURED ? (
          <CodeBlock code={shown} language="json" />
        ) : (
          <PreText text={shown} />
        )
      }
    </LongText>
  )
}

function Empty() {
  return <span className="text-muted-foreground">Empty</span>
}

function PlainText({ text }: { text: string }) {
  return <LongText text={text}>{(shown) => <PreText text={shown} />}</LongText>
}

function PreText({ text }: { text: string }) {
  return <p className="[overflow-wrap:anywhere] whitespace-pre-wrap">{text}</p>
}
