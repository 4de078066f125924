import { Input } from '@/components/ui/input'
import { Labelled } from '@/components/ui/labelled'

import type { Draft } from './draft'

interface ClientFieldsProps {
  draft: Draft
  /** What is wrong with a field; empty when nothing is. */
  faultAt: (path: string) => string
  onChange: (draft: Draft) => void
}

const FIELD = 'font-mono text-[0.8125rem] max-lg:h-11 max-lg:text-base'

/** A client that was registered by hand where people sign in for a server. Most servers need none. */
export function ClientFields({ draft, faultAt, onChange }: ClientFieldsProps) {
  const field = (label: string, hint: string, name: 'clientId' | 'clientSecret' | 'scopes') => (
    <Labelled label={label} hint={hint} fault={faultAt(`transport.oauth.${name}`)}>
      {(attributes) => (
        <Input
          {...attributes}
          type={name === 'clientSecret' ? 'password' : 'text'}
          autoComplete={name === 'clientSecret' ? 'new-password' : 'off'}
          spellCheck={false}
          autoCapitalize="none"
          value={draft[name]}
          className={FIELD}
          onChange={({ target }) => {
            onChange({ ...draft, [name]: target.value })
          }}
        />
      )}
    </Labelled>
  )
  return (
    <details className="group" open={draft.clientId !== ''}>
      <summary className="w-fit cursor-pointer rounded-sm text-[0.8125rem] font-medium outline-none focus-visible:ring-2 focus-visible:ring-ring">
        Sign-in with a client ID of your own
      </summary>
      <div className="mt-3 flex flex-col gap-4">
        {field(
          'Client ID',
          'For servers that let nobody register by themselves. Leave it empty otherwise.',
          'clientId',
        )}
        {draft.clientId.trim() !== '' && (
          <>
            {field(
              'Client secret',
              'If there is one. Left empty, it stays as it is.',
              'clientSecret',
            )}
            {field('Scopes', 'With spaces between them. Empty: what the server names.', 'scopes')}
          </>
        )}
      </div>
    </details>
  )
}
