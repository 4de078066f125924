import { expect, test } from './support/fixtures'

/** What blocked the page of its reader for seconds, or ended it. */
const HOSTILE: Record<string, string> = {
  quotes: `${'> '.repeat(3_000)}x`,
  lists: `${'- '.repeat(4_000)}x`,
  links: '[a]('.repeat(5_000),
  columns: `|${'a|'.repeat(3_000)}\n|${'-|'.repeat(3_000)}\n${`|${'b|'.repeat(3_000)}\n`.repeat(3)}`,
  fences: '```js\nlet a = 1\n```\n'.repeat(2_000),
}
/** The longest that the page may be busy at once, in milliseconds: many times what is usual, for a machine with other work. */
const LONGEST_TASK = 2_000

for (const [name, text] of Object.entries(HOSTILE)) {
  test(`web_1_a conversation with such an answer leaves the page responsive: ${name}`, async ({
    chat,
    upstream,
  }) => {
    upstream.next({ text }).finish()
    await chat.open()
    await chat.say('Show everything')
    await chat.expectEnding('complete')
    const conversation = await chat.conversationId()
    await chat.page.addInitScript(() => {
      const tasks: number[] = []
      Object.assign(window, { tasks })
      new PerformanceObserver((list) => {
        tasks.push(...list.getEntries().map(({ duration }) => duration))
      }).observe({ type: 'longtask' })
    })
    await chat.open(conversation)
    const note = chat.answers.last().getByRole('note').first()
    await expect(note).toHaveText('This message is too complex to format.', {
      // It comes last in a text that is drawn in steps.
      timeout: 25_000,
    })
    await chat.composer.fill('The page answers')
    await expect(chat.composer).toHaveValue('The page answers')
    const tasks = await chat.page.evaluate(() => (window as unknown as { tasks: number[] }).tasks)
    expect(Math.max(0, ...tasks)).toBeLessThan(LONGEST_TASK)
  })
}
