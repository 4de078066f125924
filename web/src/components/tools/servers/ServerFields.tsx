import { Input } from '@/components/ui/input'
import { Segmented, SegmentedItem } from '@/components/ui/segmented'
import { Textarea } from '@/components/ui/textarea'
import type { FieldError } from '@/types/api'

import type { Draft } from './draft'
import { Labelled } from '@/components/ui/labelled'
import { ClientFields } from './ClientFields'
import { PairsField } from './PairsField'

interface ServerFieldsProps {
  draft: Draft
  faults: readonly FieldError[]
  isNew: boolean
  onChange: (draft: Draft) => void
}

const FIELD = 'max-lg:h-11 max-lg:text-base'
const CODE = 'font-mono text-[0.8125rem]'

/** How an MCP server is called and reached. */
export function ServerFields({ draft, faults, isNew, onChange }: ServerFieldsProps) {
  const faultAt = (path: string) => {
    const found = faults.find((fault) => fault.path === path || fault.path.startsWith(`${path}[`))
    return found ? `${found.message.charAt(0).toUpperCase()}${found.message.slice(1)}.` : ''
  }
  return (
    <>
      {isNew && (
        <Labelled
          label="Name"
          hint="Small letters, digits and hyphens. The names of its tools begin with it."
          fault={faultAt('name')}
        >
          {(field) => (
            <Input
              {...field}
              autoFocus
              spellCheck={false}
              autoComplete="off"
              autoCapitalize="none"
              placeholder="files"
              value={draft.name}
              className={FIELD}
              onChange={({ target }) => {
                onChange({ ...draft, name: target.value })
              }}
            />
          )}
        </Labelled>
      )}
      <Segmented
        aria-label="How it is reached"
        value={draft.type}
        onValueChange={(type) => {
          onChange({ ...draft, type: type === 'http' ? 'http' : 'stdio', pairs: [] })
        }}
      >
        <SegmentedItem value="stdio">A program here</SegmentedItem>
        <SegmentedItem value="http">A web address</SegmentedItem>
      </Segmented>
      {draft.type === 'stdio' ? (
        <>
          <Labelled
            label="Command"
            hint="It runs on the machine of this server, with the rights that this server has."
            fault={faultAt('transport.command')}
          >
            {(field) => (
              <Input
                {...field}
                spellCheck={false}
                autoComplete="off"
                autoCapitalize="none"
                placeholder="npx"
                value={draft.command}
                className={`${FIELD} ${CODE}`}
                onChange={({ target }) => {
                  onChange({ ...draft, command: target.value })
                }}
              />
            )}
          </Labelled>
          <Labelled label="Arguments" hint="One a line." fault={faultAt('transport.args')}>
            {(field) => (
              <Textarea
                {...field}
                spellCheck={false}
                autoComplete="off"
                autoCapitalize="none"
                value={draft.args}
                className={`${CODE} max-lg:text-base`}
                onChange={({ target }) => {
                  onChange({ ...draft, args: target.value })
                }}
              />
            )}
          </Labelled>
        </>
      ) : (
        <Labelled label="Address" fault={faultAt('transport.url')}>
          {(field) => (
            <Input
              {...field}
              type="url"
              inputMode="url"
              spellCheck={false}
              autoComplete="off"
              placeholder="https://example.com/mcp"
              value={draft.url}
              className={`${FIELD} ${CODE}`}
              onChange={({ target }) => {
                onChange({ ...draft, url: target.value })
              }}
            />
          )}
        </Labelled>
      )}
      <PairsField
        label={draft.type === 'stdio' ? 'Environment' : 'Headers'}
        word={draft.type === 'stdio' ? 'variable' : 'header'}
        pairs={draft.pairs}
        onChange={(pairs) => {
          onChange({ ...draft, pairs })
        }}
      />
      {draft.type === 'http' && (
        <ClientFields draft={draft} faultAt={faultAt} onChange={onChange} />
      )}
    </>
  )
}
