'use client'

import { Plus, Trash2 } from 'lucide-react'
import { useRef, useState } from 'react'

import { Button } from '@/components/ui/button'
import { tools } from '@/stores/tools.store'
import type { ArgumentRule, ToolInfo } from '@/types/tools'

import { reportFailure } from '../toasts'
import { argumentsIn } from './form/schema'
import { RuleForm } from './RuleForm'
import { MATCHES, permissionOf } from './words'

/** What holds for calls with certain arguments, whatever the permission is otherwise. */
export function ArgumentRules({ tool }: { tool: ToolInfo }) {
  const rules = tool.rules ?? []
  const names = argumentsIn(tool.inputSchema)
  const [adding, setAdding] = useState(false)
  const addButton = useRef<HTMLButtonElement>(null)
  const close = () => {
    setAdding(false)
    // The button comes back in the place of the form.
    requestAnimationFrame(() => addButton.current?.focus())
  }

  if (names.length === 0 && rules.length === 0) return null
  return (
    <div className="flex flex-col gap-2">
      {rules.length > 0 && (
        <>
          <h4 className="text-[0.8125rem] font-medium">Except for some arguments</h4>
          <ol className="divide-y rounded-lg border">
            {rules.map((rule, place) => (
              <li key={place} className="flex items-center gap-3 py-1.5 pr-1.5 pl-3">
                <RuleWords rule={rule} />
                <Button
                  variant="ghost"
                  size="icon-sm"
                  aria-label={`Remove the rule for ${rule.argument} ${rule.value}`}
                  onClick={() => {
                    void tools
                      .permit(tool.name, { rules: rules.filter((other) => other !== rule) })
                      .then(reportFailure)
                  }}
                >
                  <Trash2 aria-hidden="true" />
                </Button>
              </li>
            ))}
          </ol>
          {rules.length > 1 && (
            <p className="text-xs text-muted-foreground">The first that fits counts.</p>
          )}
        </>
      )}
      {adding ? (
        <RuleForm
          names={names}
          otherwise={tool.permission}
          onCancel={close}
          onAdd={async (rule) => {
            const outcome = await tools.permit(tool.name, { rules: [...rules, rule] })
            const fault = outcome.ok ? undefined : outcome.failure.fields?.[0]
            if (outcome.ok) close()
            else if (fault?.path !== `rules[${rules.length}].value`) reportFailure(outcome)
            else return `The value ${fault.message}.`
            return ''
          }}
        />
      ) : (
        names.length > 0 && (
          <Button
            ref={addButton}
            variant="ghost"
            size="sm"
            className="-ml-2 w-fit"
            onClick={() => {
              setAdding(true)
            }}
          >
            <Plus aria-hidden="true" />
            Add a rule for an argument
          </Button>
        )
      )}
    </div>
  )
}

function RuleWords({ rule }: { rule: ArgumentRule }) {
  const { Icon, label } = permissionOf(rule.permission)
  const match = MATCHES.find(({ value }) => value === rule.matches)?.label ?? rule.matches
  return (
    <>
      <p className="min-w-0 flex-1 text-[0.8125rem] leading-5 [overflow-wrap:anywhere]">
        If <code className="font-mono text-xs">{rule.argument}</code> {match}{' '}
        <code className="rounded bg-muted px-1 py-0.5 font-mono text-xs">{rule.value}</code>
      </p>
      <span className="flex shrink-0 items-center gap-1 text-xs font-medium">
        <Icon aria-hidden="true" className="size-3.5" />
        {label}
      </span>
    </>
  )
}
