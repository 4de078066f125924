import { AxeBuilder } from '@axe-core/playwright'
import { type Page, expect } from '@playwright/test'

type Violation = Awaited<ReturnType<AxeBuilder['analyze']>>['violations'][number]

/** Every rule of axe that is on by default, best practices too. */
export async function expectAccessible(page: Page, state: string): Promise<void> {
  // Half-faded text has half its contrast: look once things have come to rest.
  await page.evaluate(() =>
    Promise.all(
      document
        .getAnimations()
        .filter(({ effect }) => effect?.getComputedTiming().endTime !== Infinity)
        .map(({ finished }) => finished.catch(() => undefined)),
    ),
  )
  const { violations } = await new AxeBuilder({ page }).analyze()
  expect(violations.flatMap(seen), state).toEqual([])
}

/** What a violation says, and where. */
function seen({ help, id, nodes }: Violation): { id: string; help: string; where: string[] }[] {
  const where = nodes
    .map(({ html }) => html)
    // An open menu stands outside of the landmarks as a dialog does; axe knows only dialogs (deque axe-core, `region`).
    .filter((html) => !(id === 'region' && html.includes('data-radix-popper')))
  return where.length === 0 ? [] : [{ id, help, where }]
}
