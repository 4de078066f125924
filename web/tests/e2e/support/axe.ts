import { AxeBuilder } from '@axe-core/playwright'
import { type Page, expect } from '@playwright/test'

type Violation = Awaited<ReturnType<AxeBuilder['analyze']>>['violations'][number]

/** Rules whose outcome depends on the colours. */
const OF_COLOURS = ['color-contrast', 'link-in-text-block']

/**
 * Every rule of axe that is on by default, best practices too, in the scheme that the page is in; then what depends on the colours in
 * the other one.
 */
export async function expectAccessible(page: Page, state: string): Promise<void> {
  const isDark = await page.evaluate(() => matchMedia('(prefers-color-scheme: dark)').matches)
  const [scheme, other] = isDark ? (['dark', 'light'] as const) : (['light', 'dark'] as const)
  expect(await violations(page), `${state}, ${scheme}`).toEqual([])
  await page.emulateMedia({ colorScheme: other })
  expect(await violations(page, OF_COLOURS), `${state}, ${other}`).toEqual([])
  await page.emulateMedia({ colorScheme: scheme })
}

async function violations(page: Page, rules: string[] = []): Promise<ReturnType<typeof seen>> {
  // Half-faded text has half its contrast: look once things have come to rest.
  await page.evaluate(async () => {
    await new Promise((painted) => requestAnimationFrame(painted))
    await Promise.all(
      document
        .getAnimations()
        .filter(({ effect }) => effect?.getComputedTiming().endTime !== Infinity)
        .map(({ finished }) => finished.catch(() => undefined)),
    )
  })
  // There are no frames: without them axe needs no second page.
  const axe = new AxeBuilder({ page }).setLegacyMode()
  const found = await (rules.length === 0 ? axe : axe.withRules(rules)).analyze()
  return found.violations.flatMap(seen)
}

/** What a violation says, and where. */
function seen({ help, id, nodes }: Violation): { id: string; help: string; where: string[] }[] {
  const where = nodes
    .map(({ html }) => html)
    // An open menu stands outside of the landmarks as a dialog does; axe knows only dialogs (deque axe-core, `region`).
    .filter((html) => !(id === 'region' && html.includes('data-radix-popper')))
  return where.length === 0 ? [] : [{ id, help, where }]
}
