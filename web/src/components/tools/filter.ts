import type { Permission, ToolInfo } from '@/types/tools'

import { sourceOf } from './words'

/** What the list of tools is narrowed to. */
export interface Filter {
  readonly text: string
  /** As {@link sourceOf} names it; empty for all. */
  readonly source: string
  readonly permission: Permission | 'any'
}

export const EVERYTHING: Filter = { text: '', source: '', permission: 'any' }

export function isEverything({ permission, source, text }: Filter): boolean {
  return text.trim() === '' && source === '' && permission === 'any'
}

/** The tools that fit, in their order; every word of the text must be found in one of them. */
export function matching(items: readonly ToolInfo[], filter: Filter): ToolInfo[] {
  const words = filter.text.toLowerCase().split(/\s+/).filter(Boolean)
  return items.filter((tool) => {
    if (filter.source !== '' && sourceOf(tool) !== filter.source) return false
    if (filter.permission !== 'any' && tool.permission !== filter.permission) return false
    const text = `${tool.name} ${tool.title} ${tool.description}`.toLowerCase()
    return words.every((word) => text.includes(word))
  })
}
