import { paragraphs } from './support/chat-page'
import { expect, test } from './support/fixtures'

/** What the page's main thread may need for the whole answer, in milliseconds of processor time: not the load of the machine. */
const MAIN_THREAD_MS = 8_000
/** The longest that the page may not answer, by the clock: ten times what a quiet machine shows, for a busy one. */
const LONGEST_TASK_MS = 1_500
const KEY_TO_PAINT_MS = 1_500

test('a very long and fast answer does not freeze the page', async ({ chat, page, upstream }) => {
  test.setTimeout(90_000)
  // Some 20,000 tokens of prose, lists and code, at 2,000 a second.
  const section = (index: number) =>
    `## Section ${index}\n\n${paragraphs(2, 50)}\n\n- one\n- two\n\n\`\`\`python\n${'value = compute(value)\n'.repeat(8)}\`\`\``
  const text = Array.from({ length: 128 }, (_, index) => section(index + 1)).join('\n\n')
  const answer = upstream.next({ text, rate: 2_000 })
  await chat.open()
  const devtools = await page.context().newCDPSession(page)
  await devtools.send('Performance.enable', { timeDomain: 'threadTicks' })
  const processorMs = async () => {
    const { metrics } = await devtools.send('Performance.getMetrics')
    return 1_000 * (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? Number.NaN)
  }
  await page.evaluate(() => {
    const times: { tasks: number[]; keys: number[] } = { tasks: [], keys: [] }
    Object.assign(window, { weirTimes: times })
    new PerformanceObserver((list) => {
      times.tasks.push(...list.getEntries().map(({ duration }) => duration))
    }).observe({ type: 'longtask' })
    new PerformanceObserver((list) => {
      times.keys.push(...list.getEntries().map(({ duration }) => duration))
    }).observe({ type: 'event', durationThreshold: 16 })
  })
  const before = await processorMs()
  await chat.say('Write a book')
  await expect(chat.answerText).toContainText('Section 1')

  // Somebody writes the next question meanwhile.
  await chat.composer.pressSequentially('and then, what would you say to that?', { delay: 60 })
  await expect(chat.composer).toHaveValue('and then, what would you say to that?')
  await expect(chat.answers.last()).toHaveAttribute('data-status', 'complete', { timeout: 60_000 })
  await expect(chat.answerText).toContainText('Section 128')
  expect(answer.sent).toBe(text)

  const needed = (await processorMs()) - before
  const { keys, tasks } = await page.evaluate(
    () => (window as unknown as { weirTimes: { tasks: number[]; keys: number[] } }).weirTimes,
  )
  const longestTask = Math.max(0, ...tasks)
  const slowestKey = Math.max(0, ...keys)
  console.log(
    `main thread ${needed.toFixed(0)} ms, longest task ${longestTask.toFixed(0)} ms of ${tasks.length}, slowest key to paint ${slowestKey.toFixed(0)} ms`,
  )
  expect(needed).toBeLessThan(MAIN_THREAD_MS)
  expect(longestTask).toBeLessThan(LONGEST_TASK_MS)
  expect(slowestKey).toBeLessThan(KEY_TO_PAINT_MS)
})
