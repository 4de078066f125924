import type { ExtraProps } from 'react-markdown'

type Element = NonNullable<ExtraProps['node']>
type Parent = Pick<Element, 'children'>

/** Elements that hold the words of a text; code and tables show their growth without a caret. */
const WORDS = new Set(['p', 'li', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6'])
const INTO = new Set(['ul', 'ol', 'li', 'blockquote'])

function lastElement(parent: Parent): Element | undefined {
  return parent.children.findLast((child) => child.type === 'element')
}

function endOfText(parent: Parent): Element | undefined {
  const last = lastElement(parent)
  if (last === undefined) return undefined
  const inner = INTO.has(last.tagName) ? endOfText(last) : undefined
  return inner ?? (WORDS.has(last.tagName) ? last : undefined)
}

/** A rehype plugin: puts a caret behind the last word. */
export function rehypeCaret() {
  return (tree: Parent) => {
    endOfText(tree)?.children.push({
      type: 'element',
      tagName: 'span',
      properties: { className: ['caret'], ariaHidden: 'true' },
      children: [],
    })
  }
}
