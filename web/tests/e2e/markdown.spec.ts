import type { Page } from '@playwright/test'

import { expect, test } from './support/fixtures'

const CODE = `def twice(x):
    return [x, x]  # ${'a long comment '.repeat(20)}`

const MARKDOWN = `# A heading

A paragraph with **bold**, \`code\` and a [link](https://example.com/).

- one
- two

| Left | Right |
|------|------:|
| a    |     1 |

\`\`\`python
${CODE}
\`\`\`

<script>alert('not run')</script>

The end.`

test('an answer is shown as rich text, and copied as it was written', async ({
  chat,
  upstream,
}) => {
  upstream.next({ text: MARKDOWN }).finish()
  await chat.open()
  await chat.say('Show everything')
  await chat.expectEnding('complete')

  const answer = chat.answers.last()
  await expect(answer.getByRole('heading', { name: 'A heading' })).toBeVisible()
  await expect(answer.locator('strong')).toHaveText('bold')
  await expect(answer.getByRole('listitem')).toHaveText(['one', 'two'])
  await expect(answer.getByRole('columnheader')).toHaveText(['Left', 'Right'])
  await expect(answer.getByRole('link', { name: 'link' })).toHaveAttribute('rel', /noopener/)
  await expect(answer).toContainText("<script>alert('not run')</script>")

  await answer.getByRole('button', { name: 'Copy answer' }).click()
  await expect(answer.getByRole('button', { name: 'Copy answer' })).toHaveAttribute(
    'data-copy',
    'copied',
  )
  expect(await clipboard(chat.page)).toBe(MARKDOWN)
})

test('code has its language, its colours, a scroll of its own and a copy button', async ({
  chat,
  upstream,
}) => {
  upstream.next({ text: MARKDOWN }).finish()
  await chat.open()
  await chat.say('Show code')
  await chat.expectEnding('complete')

  const block = chat.answers.last().getByRole('figure')
  await expect(block).toContainText('Python')
  const code = block.getByRole('group', { name: 'Python code' })
  await expect(code.locator('span[style*="color"]').first()).toBeVisible()
  expect(await code.evaluate((pre) => pre.scrollWidth > pre.clientWidth)).toBe(true)
  expect(
    await chat.page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth),
  ).toBe(true)

  await block.getByRole('button', { name: 'Copy code' }).click()
  await expect(block.getByText('Copied').first()).toBeVisible()
  expect(await clipboard(chat.page)).toBe(CODE)
})

test('a code block that is still being written is a code block already', async ({
  chat,
  upstream,
}) => {
  const answer = upstream.next({ text: 'Look:\n\n```python\ndef twice(x):\n    return x\n```\n' })
  await chat.open()
  await chat.say('Write code')
  answer.send(6)
  const block = chat.answers.last().getByRole('figure')
  await expect(block).toContainText('def')
  await expect(chat.answers.last()).toHaveAttribute('data-status', 'streaming')
  await expect(chat.answers.last()).not.toContainText('```')
  answer.finish()
  await expect(block).toContainText('return x')
})

async function clipboard(page: Page): Promise<string> {
  return page.evaluate(() => navigator.clipboard.readText())
}
