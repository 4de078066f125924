import type { Page } from '@playwright/test'

import { expect, test } from './support/fixtures'
import { PLACES } from './support/places'

for (const width of [390, 1440]) {
  test(`the page does not move while it becomes alive, at ${width} px`, async ({ api, page }) => {
    await page.setViewportSize({ width, height: 844 })
    const id = await api.exchange('Rivers')
    for (const address of ['/chat', `/chat?c=${id}`]) {
      await page.goto(address)
      await expect(page.getByRole('textbox', { name: 'Message' })).toBeVisible()
      await page.waitForLoadState('networkidle')
      await expectStill(page, 0.02)
    }
  })

  test(`the page does not move when its face comes late, at ${width} px`, async ({ page }) => {
    await page.setViewportSize({ width, height: 844 })
    let deliver: () => void = () => undefined
    const delivered = new Promise<void>((resolve) => {
      deliver = resolve
    })
    await page.route('**/*.woff2', async (route) => {
      await delivered
      await route.continue()
    })
    await page.goto('/chat', { waitUntil: 'commit' })
    await expect(page.locator('[data-suggestion]')).toHaveCount(4)
    const alive = await page.evaluate(() => performance.now())
    deliver()
    await expect.poll(() => page.evaluate(() => document.fonts.check('16px inter'))).toBe(true)
    await expectStill(page, 0.005, alive)
  })
}

/** An entry of the Layout Instability API, which the types of the DOM do not have. */
interface LayoutShift extends PerformanceEntry {
  value: number
  sources: { node: Node | null; previousRect: DOMRectReadOnly; currentRect: DOMRectReadOnly }[]
}

/** Nothing on the page has moved more than this from a time on, in milliseconds of the page. */
async function expectStill(page: Page, limit: number, from = 0): Promise<void> {
  const shifts = await page.evaluate(
    () =>
      new Promise<{ at: number; value: number; moved: string[] }[]>((resolve) => {
        const seen: { at: number; value: number; moved: string[] }[] = []
        const observer = new PerformanceObserver((list) => {
          for (const entry of list.getEntries() as LayoutShift[]) {
            const moved = entry.sources.map(({ node, previousRect, currentRect }) => {
              const what =
                node instanceof Element ? node.outerHTML.slice(0, 120) : node?.textContent
              const [before, after] = [previousRect, currentRect].map(
                ({ x, y, width, height }) => `${width}x${height} at ${x}, ${y}`,
              )
              return `${what ?? 'what is gone'}: ${before ?? ''} is ${after ?? ''}`
            })
            seen.push({ at: entry.startTime, value: entry.value, moved })
          }
        })
        observer.observe({ type: 'layout-shift', buffered: true })
        // What happened before is told in a task of its own.
        setTimeout(() => {
          resolve(seen)
        }, 100)
      }),
  )
  const counted = shifts.filter(({ at }) => at >= from)
  const total = counted.reduce((sum, { value }) => sum + value, 0)
  expect(total, JSON.stringify(counted, null, 2)).toBeLessThan(limit)
}

for (const width of [390, 1440]) {
  test(`the page as it is served stands where the living one will, at ${width} px`, async ({
    baseURL,
    browser,
    chat,
    page,
  }) => {
    const viewport = { width, height: 844 }
    const dead = await browser.newContext({
      viewport,
      javaScriptEnabled: false,
      ...(baseURL !== undefined && { baseURL }),
    })
    const served = await dead.newPage()
    await served.goto('/chat')
    const greeting = 'What would you like to know?'
    const before = await served.getByRole('heading', { name: greeting }).boundingBox()
    await dead.close()
    await page.setViewportSize(viewport)
    await chat.open()
    await expect(page.getByRole('button', { name: 'Model: scripted' })).toBeVisible()
    expect(await page.getByRole('heading', { name: greeting }).boundingBox()).toEqual(before)
  })
}

/** The markup is cut in so many places. */
const CUTS = 8
/** No smaller step counts as a movement (W3C Layout Instability), in px. */
const STEP = 3

test.describe('a page that has half arrived', () => {
  test.use({ javaScriptEnabled: false })

  for (const [place, viewport] of Object.entries(PLACES)) {
    test(`what is painted of it stays where it is: ${place}`, async ({ page, request }) => {
      await page.setViewportSize(viewport)
      for (const path of ['/chat', '/chat?c=1', '/tools', '/dashboard', '/settings', '/sign-in']) {
        const served = await (await request.get(path)).text()
        // As the script before the first paint does.
        const html = path.includes('c=')
          ? served.replace('<html', '<html data-thread="open"')
          : served
        const whole = await painted(page, html)
        expect(whole, path).not.toEqual([])
        for (const part of parts(html)) {
          const moved = (await painted(page, part)).filter(({ at, left, top }) => {
            const later = whole.find((element) => element.at === at)
            return later === undefined || Math.hypot(later.left - left, later.top - top) > STEP
          })
          expect(moved, `${path} cut after ${part.slice(-200)}`).toEqual([])
        }
      }
    })
  }

  /** The markup up to one of its tags, ever more of it. */
  function parts(html: string): string[] {
    const tags = [...html.matchAll(/<[/a-z]/g)].map(({ index }) => index)
    const body = tags.filter((at) => at > html.indexOf('<body'))
    return Array.from({ length: CUTS }, (_, cut) =>
      html.slice(0, body[Math.floor((body.length * (cut + 1)) / (CUTS + 1))]),
    )
  }

  /** What a person sees of a page, by its place in the document. */
  async function painted(
    page: Page,
    html: string,
  ): Promise<{ at: number; what: string; left: number; top: number }[]> {
    await page.route('**/half', (route) => route.fulfill({ body: html, contentType: 'text/html' }))
    await page.goto('/half')
    await page.unroute('**/half')
    return page.evaluate(() =>
      [...document.body.querySelectorAll('*')].flatMap((element, at) => {
        const { left, top, width, height } = element.getBoundingClientRect()
        const isSeen = width * height > 0 && element.checkVisibility({ visibilityProperty: true })
        return isSeen ? [{ at, what: element.outerHTML.slice(0, 120), left, top }] : []
      }),
    )
  }
})
