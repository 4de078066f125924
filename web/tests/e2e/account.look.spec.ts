import { expectAccessible } from './support/axe'
import { anotherBrowser, invite, REFUSED, setUp } from './support/people'
import { expect, test } from './support/fixtures'
import { PLACES } from './support/places'

/** The parts of the settings, and the headings that they show. */
const SECTIONS = [
  ['Profile', 'Profile'],
  ['Password', 'Change password'],
  ['Devices', 'Devices'],
  ['API tokens', 'API tokens'],
  ['People', 'People'],
  ['Invites', 'Invites'],
] as const

for (const [place, viewport] of Object.entries(PLACES)) {
  test.describe(`axe finds nothing: ${place}`, () => {
    test.use({ settings: { WEIR_AUTH: 'required' }, viewport })

    test.beforeEach(() => {
      // Each look of axe takes a second or two.
      test.slow()
    })

    test('before the sign-in', async ({ page, problems, server }) => {
      problems.expect(REFUSED)
      await page.goto('/sign-in')
      await expect(page.getByRole('heading', { name: 'This server is new' })).toBeVisible()
      await expectAccessible(page, 'new')
      await page.goto('/join')
      await expect(page.getByText('needs your invite')).toBeVisible()
      await expectAccessible(page, 'join without its secret')
      await page.goto(await server.setupLink())
      await page.getByRole('button', { name: 'Create administrator' }).click()
      await expect(page.getByLabel('Your name')).toBeFocused()
      await expectAccessible(page, 'setup with faults')
      await setUp(server, page)
      await page.context().clearCookies()
      await page.goto('/sign-in')
      await page.getByLabel('E-mail address').fill('nobody@example.org')
      await page.getByLabel('Password', { exact: true }).fill('nothing')
      await page.getByRole('button', { name: 'Sign in', exact: true }).click()
      await expect(page.getByRole('main').getByRole('alert')).toBeVisible()
      await expectAccessible(page, 'sign-in refused')
    })

    test('the settings', async ({ browser, page, problems, server }) => {
      problems.expect(REFUSED)
      await setUp(server, page)
      const other = await anotherBrowser(browser, server)
      await invite(page, other.context)
      await page.goto('/settings')
      for (const [part, title] of SECTIONS) {
        await page.getByRole('link', { name: part, exact: true }).click()
        await expect(page.getByRole('heading', { name: title, exact: true })).toBeVisible()
        await expect(page.getByRole('status', { name: /^Loading/ })).toHaveCount(0)
        await expectAccessible(page, title)
        expect(
          await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth),
          `${title} does not scroll sideways`,
        ).toBe(true)
      }
      other.problems.check()
    })

    test('the dialogs of the settings', async ({ page, server }) => {
      await setUp(server, page)
      await page.goto('/settings?section=invites')
      await page.getByRole('button', { name: 'New invite' }).click()
      await page.getByRole('button', { name: 'Create link' }).click()
      await expect(page.getByLabel('Link', { exact: true })).toBeVisible()
      await expectAccessible(page, 'link')
      await page.getByRole('button', { name: 'Done' }).click()
      await page.getByRole('link', { name: 'API tokens' }).click()
      await page.getByRole('button', { name: 'New token' }).click()
      await expectAccessible(page, 'new token')
      await page.keyboard.press('Escape')
      await page.getByRole('link', { name: 'Profile' }).click()
      await page.getByRole('button', { name: 'Delete account…' }).click()
      await expectAccessible(page, 'delete account')
    })
  })
}

test('an open server says so, and offers what works there', async ({ page }) => {
  await page.goto('/sign-in')
  await expect(page.getByRole('heading', { name: 'No sign-in needed' })).toBeVisible()
  await page.goto('/settings')
  await expect(page.getByText('WEIR_AUTH=required')).toBeVisible()
  await expect(page.getByRole('link', { name: 'Devices' })).toBeHidden()
  await page.getByRole('radio', { name: 'Dark' }).click()
  await expect(page.locator('html')).toHaveClass(/dark/)
  await expectAccessible(page, 'open')

  // Nobody signs in, but the one who is there can be called by a name.
  const name = page.getByLabel('Name', { exact: true })
  await expect(name).toHaveValue('You')
  await name.fill('Ada')
  await page.getByRole('button', { name: 'Save name' }).click()
  await expect(page.getByText('Your name was changed.')).toBeVisible()
  await page.reload()
  await expect(name).toHaveValue('Ada')
})
