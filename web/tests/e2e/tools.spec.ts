import { fileURLToPath } from 'node:url'

import type { APIRequestContext, Locator, Page } from '@playwright/test'

import { expectAccessible } from './support/axe'
import { expect, test } from './support/fixtures'
import { PLACES } from './support/places'
import { NETWORK_LOSS } from './support/problems'

/** Speaks the protocol over its standard input and output. */
const MCP_SERVER = fileURLToPath(new URL('support/mcp-server.mjs', import.meta.url))

/** The page of tools as a person sees it. */
class ToolsPage {
  readonly page: Page
  readonly run: Locator
  /** What came of the newest try. */
  readonly result: Locator
  readonly jobs: Locator

  constructor(page: Page) {
    this.page = page
    this.run = page.getByRole('button', { name: 'Run', exact: true })
    this.result = page.getByRole('region', { name: 'Result' })
    this.jobs = page.getByRole('list', { name: 'What ran, newest first' })
  }

  async open(tool: string): Promise<void> {
    await this.page.goto(`/tools?tool=${tool}`)
    await expect(this.run).toBeVisible()
  }

  async wait(seconds: number): Promise<void> {
    await this.page.getByLabel('Seconds').fill(String(seconds))
    await this.run.click()
    await expect(this.result).toContainText('Running')
  }

  async permit(word: 'Allow' | 'Ask' | 'Deny'): Promise<void> {
    const choice = this.page.getByRole('radio', { name: word })
    await choice.click()
    await expect(choice).toBeChecked()
  }

  /** Changes a permission, which the page shows before the server has it, and waits until it has. */
  async kept(change: () => Promise<void>): Promise<void> {
    const taken = this.page.waitForResponse(
      (response) => response.request().method() === 'PUT' && response.url().endsWith('/permission'),
    )
    await change()
    await taken
  }
}

const spec = test.extend<{ tools: ToolsPage }>({
  tools: async ({ page }, provide) => {
    await provide(new ToolsPage(page))
  },
})

/** Runs a tool by the API; returns the job's id. */
async function invoke(request: APIRequestContext, tool: string, args: unknown): Promise<string> {
  const response = await request.post(`/api/tools/${tool}`, { data: { args } })
  expect(response.status()).toBe(202)
  return ((await response.json()) as { jobId: string }).jobId
}

async function statusOf(request: APIRequestContext, job: string): Promise<string> {
  const response = await request.get(`/api/jobs/${job}`)
  const { error, status } = (await response.json()) as { status: string; error?: { code: string } }
  return error ? `${status}: ${error.code}` : status
}

spec('a tool is found from the chat, run, and gives its output', async ({ chat, page, tools }) => {
  await chat.open()
  await page.mouse.move(200, 300)
  await page.getByRole('link', { name: 'Tools' }).click()
  await page.getByRole('searchbox', { name: 'Search tools' }).fill('exact number')
  await page.getByRole('region', { name: 'Tools' }).getByRole('link').click()
  await expect(page).toHaveURL(/\/tools\?tool=calculate$/)
  await page.getByLabel('Expression').fill('2^200')
  await page.getByLabel('Expression').press('Enter')
  await expect(tools.result).toContainText('Done')
  await expect(tools.result).toContainText(
    '1606938044258990275541962092341162602522202993782792835301376',
  )

  // The address names the job: a reload comes back to it, and to what was asked.
  await page.reload()
  await expect(tools.result).toContainText('160693804425899')
  await expect(page.getByLabel('Expression')).toHaveValue('2^200')
})

spec('what is wrong with an argument is told at its field', async ({ page, problems, tools }) => {
  problems.expect(/status of 422/)
  await tools.open('wait')
  const seconds = page.getByLabel('Seconds')
  await tools.run.click()
  await expect(seconds).toHaveAccessibleDescription(/Is required\./)
  await expect(seconds).toBeFocused()
  await seconds.fill('-3')
  await expect(seconds).not.toHaveAttribute('aria-invalid', 'true')
  await tools.run.click()
  await expect(seconds).toHaveAttribute('aria-invalid', 'true')
  await expect(seconds).toHaveAccessibleDescription(/minimum/)
  await expect(tools.result).toBeHidden()

  await page.getByRole('button', { name: 'Edit as JSON' }).click()
  const json = page.getByRole('textbox', { name: 'Arguments' })
  await json.fill('{ "seconds": ')
  await tools.run.click()
  await expect(json).toHaveAccessibleDescription('This is not a JSON object.')
  await json.fill('{ "seconds": 0.1 }')
  await json.press('Control+Enter')
  await expect(tools.result).toContainText('"waited": 0.1')
})

spec('a long job shows its progress and is cancelled', async ({ page, request, tools }) => {
  await tools.open('wait')
  await tools.wait(30)
  const progress = tools.result.getByRole('progressbar')
  await expect(progress).toHaveAttribute('aria-valuenow', /^[1-9]/)
  await expect(tools.result).toContainText(/\d\.\d of 30 s/)
  const job = new URL(page.url()).searchParams.get('job') ?? ''
  await tools.result.getByRole('button', { name: 'Cancel' }).click()
  await expect(tools.result).toContainText('Cancelled')
  expect(await statusOf(request, job)).toBe('error: cancelled')

  // Again with the same arguments: another job.
  await tools.result.getByRole('button', { name: 'Run again' }).click()
  await expect(tools.result).toContainText('Running')
  expect(new URL(page.url()).searchParams.get('job')).not.toBe(job)
})

spec(
  'a job goes on by itself after the connection is cut',
  async ({ line, page, problems, tools }) => {
    problems.expect(NETWORK_LOSS)
    await page.goto(`${line.url}/tools?tool=wait`)
    await tools.wait(6)
    await expect(tools.result).toContainText(/\d\.\d of 6 s/)
    line.cut()
    await expect(tools.result).toContainText('The job goes on at the server')
    line.mend()
    await expect(tools.result).toContainText('"waited": 6')
    await expect(tools.result).not.toContainText('The job goes on at the server')
    // Every word it said is there, also those that were said meanwhile.
    await expect(tools.result).toContainText('Log (11)')
  },
)

spec(
  'a job goes on by itself when the device was offline',
  async ({ context, page, problems, tools }) => {
    problems.expect(NETWORK_LOSS)
    await tools.open('wait')
    await tools.wait(6)
    await context.setOffline(true)
    await expect(page.getByText('You are offline.').first()).toBeVisible()
    await context.setOffline(false)
    await expect(tools.result).toContainText('"waited": 6')
  },
)

spec('a tool that is denied does not run, for anybody', async ({ page, request, tools }) => {
  await tools.open('calculate')
  await tools.kept(() => tools.permit('Deny'))
  await expect(tools.run).toBeDisabled()
  await expect(page.getByText('This tool is denied, so it cannot run.')).toBeVisible()
  const refused = await request.post('/api/tools/calculate', {
    data: { args: { expression: '1' } },
  })
  expect(refused.status()).toBe(403)

  await page.reload()
  await expect(page.getByRole('radio', { name: 'Deny' })).toBeChecked()
  await page.getByRole('combobox', { name: 'Permission', exact: true }).selectOption('Deny')
  const names = page.getByRole('region', { name: 'Tools' }).getByRole('link')
  await expect(names).toHaveCount(1)
  await tools.permit('Allow')
  await expect(tools.run).toBeEnabled()
})

spec(
  'a permission that the server does not take is taken back, and that is said',
  async ({ page, problems, tools }) => {
    problems.expect(/status of 503/)
    await tools.open('calculate')
    await page.route('**/permission', (route) => route.fulfill({ status: 503, body: '' }))
    await page.getByRole('radio', { name: 'Deny' }).click()
    await expect(page.getByText('The server answered with status 503.')).toBeVisible()
    await expect(page.getByRole('radio', { name: 'Allow' })).toBeChecked()
  },
)

spec('a rule for an argument is added, holds, and is removed', async ({ page, request, tools }) => {
  await tools.open('calculate')
  await page.getByRole('button', { name: 'Add a rule for an argument' }).click()
  const rule = page.getByRole('form', { name: 'New rule' })
  await rule.getByRole('button', { name: 'Add rule' }).click()
  await expect(rule.getByRole('alert')).toBeVisible()
  await rule.getByRole('textbox', { name: 'Value' }).fill('6 * 7')
  await rule.getByRole('combobox', { name: 'Permission for such calls' }).selectOption('deny')
  await tools.kept(() => rule.getByRole('button', { name: 'Add rule' }).click())
  await expect(rule).toBeHidden()
  await expect(page.getByText('If expression is 6 * 7')).toBeVisible()

  await page.getByRole('textbox', { name: 'Expression' }).fill('6 * 8')
  await tools.run.click()
  await expect(tools.result).toContainText('48')
  const refused = await request.post('/api/tools/calculate', {
    data: { args: { expression: '6 * 7' } },
  })
  expect(refused.status()).toBe(403)

  await page.reload()
  const remove = page.getByRole('button', { name: 'Remove the rule for expression 6 * 7' })
  await tools.kept(() => remove.click())
  await expect(page.getByText('If expression is 6 * 7')).toBeHidden()
  await invoke(request, 'calculate', { expression: '6 * 7' })
})

spec(
  'everything that ran is listed, narrowed, and shown by itself',
  async ({ page, request, tools }) => {
    await page.goto('/tools?view=activity')
    await expect(page.getByText('Nothing has run yet')).toBeVisible()

    for (let n = 1; n <= 51; n += 1) await invoke(request, 'calculate', { expression: `${n} + 0` })
    const failed = await invoke(request, 'calculate', { expression: 'what?' })
    await expect.poll(() => statusOf(request, failed)).toMatch(/^error/)
    await page.reload()
    await expect(tools.jobs.getByRole('link')).toHaveCount(50)
    await page.getByRole('button', { name: 'Show older' }).click()
    await expect(tools.jobs.getByRole('link')).toHaveCount(52)

    await page.getByRole('combobox', { name: 'Status' }).selectOption('Failed or cancelled')
    await expect(tools.jobs.getByRole('link')).toHaveCount(1)
    await tools.jobs.getByRole('link').click()
    await expect(page).toHaveURL(new RegExp(`job=${failed}`))
    await expect(page.getByRole('heading', { name: 'Calculator' })).toBeVisible()
    await expect(page.getByText('Asked by')).toBeVisible()
    await expect(tools.result).toContainText('Failed')
    await expect(tools.result.getByRole('alert')).toBeVisible()

    await page.getByRole('link', { name: 'Change the arguments and try again' }).click()
    await expect(page.getByLabel('Expression')).toHaveValue('what?')
  },
)

spec('a job that goes on is followed in the list too', async ({ page, request, tools }) => {
  await page.goto('/tools?view=activity')
  const job = await invoke(request, 'wait', { seconds: 7 })
  await expect(tools.jobs.getByRole('link', { name: /Running/ })).toBeVisible({ timeout: 15_000 })
  await expect(tools.jobs.getByRole('link', { name: /Done/ })).toBeVisible()
  expect(await statusOf(request, job)).toBe('done')
})

spec(
  'an MCP server is added, its tools run, and it is removed',
  async ({ page, problems, tools }) => {
    problems.expect(/status of 4(04|22)/)
    await page.goto('/tools?view=servers')
    await page.getByRole('button', { name: 'Add a server' }).click()
    const dialog = page.getByRole('dialog', { name: 'Add an MCP server' })
    await dialog.getByLabel('Name', { exact: true }).fill('Not a name')
    await dialog.getByLabel('Command').fill(process.execPath)
    await dialog.getByLabel('Arguments').fill(MCP_SERVER)
    await dialog.getByRole('button', { name: 'Add a variable' }).click()
    await dialog.getByLabel('Name of variable 1').fill('GREETING')
    await dialog.getByLabel('Value of variable 1').fill('Welcome')
    await dialog.getByRole('button', { name: 'Add server' }).click()
    await expect(dialog.getByLabel('Name', { exact: true })).toHaveAccessibleDescription(/must be/i)
    await dialog.getByLabel('Name', { exact: true }).fill('greeter')
    await dialog.getByRole('button', { name: 'Add server' }).click()

    await expect(page).toHaveURL(/server=greeter/)
    const details = page.getByRole('article')
    await expect(details).toContainText('Ready')
    await expect(details).toContainText('GREETING is set')
    await details.getByRole('link', { name: 'greeter__greet' }).click()
    await expect(page.getByText('That is what its server says')).toBeVisible()
    await page.getByRole('textbox', { name: 'Who' }).fill('weir')
    await tools.run.click()
    await expect(tools.result).toContainText('Welcome, weir')

    // What is kept as a secret stays when something else is changed.
    await page.goto('/tools?view=servers&server=greeter')
    await details.getByRole('button', { name: 'Edit' }).click()
    const edit = page.getByRole('dialog', { name: 'Edit “greeter”' })
    await expect(edit.getByLabel('Value of variable 1')).toHaveValue('')
    await edit.getByLabel('Arguments').fill(`${MCP_SERVER}\nagain`)
    await edit.getByRole('button', { name: 'Save' }).click()
    await expect(edit).toBeHidden()
    await expect(details).toContainText('again')
    await expect(details.getByRole('link', { name: 'greeter__greet' })).toBeVisible()
    await expect(details).toContainText('started with again; GREETING is set')

    await details.getByRole('button', { name: 'Switch off' }).click()
    await expect(details.getByRole('status')).toContainText('Off')
    await details.getByRole('button', { name: 'Remove' }).click()
    await page.getByRole('alertdialog').getByRole('button', { name: 'Remove' }).click()
    await expect(page.getByText('No MCP server yet')).toBeVisible()
  },
)

spec.describe('on a phone', () => {
  spec.use({ viewport: PLACES['on a phone'] })

  spec('the list leads to the details and back', async ({ page, tools }) => {
    await page.goto('/tools')
    const list = page.getByRole('region', { name: 'Tools' })
    await list.getByRole('link', { name: /Wait/ }).click()
    await expect(list).toBeHidden()
    await expect(page.getByRole('heading', { name: 'Wait' })).toBeFocused()
    await expect(tools.run).toBeVisible()
    await page.getByRole('article').getByRole('link', { name: 'All tools' }).click()
    await expect(list).toBeVisible()
    await expect(tools.run).toBeHidden()
    await page.goBack()
    await expect(page.getByRole('heading', { name: 'Wait' })).toBeVisible()
  })
})

for (const [place, viewport] of Object.entries(PLACES)) {
  spec.describe(`axe finds nothing: ${place}`, () => {
    spec.use({ viewport })

    spec('list, details, faults, result and activity', async ({ page, problems, tools }) => {
      problems.expect(/status of 422/)
      await page.goto('/tools')
      await expect(
        page.getByRole('region', { name: 'Tools' }).getByRole('link').first(),
      ).toBeVisible()
      await expectAccessible(page, 'list')
      await tools.open('wait')
      await page.getByRole('button', { name: 'Add a rule for an argument' }).click()
      await tools.run.click()
      await expect(page.getByLabel('Seconds')).toHaveAttribute('aria-invalid', 'true')
      await expectAccessible(page, 'faults')
      await page.getByRole('button', { name: 'Cancel' }).click()
      await tools.wait(30)
      await expect(tools.result.getByRole('progressbar')).toHaveAttribute('aria-valuenow', /^[1-9]/)
      await tools.result.getByText(/^Log/).click()
      await expectAccessible(page, 'running')
      await tools.result.getByRole('button', { name: 'Cancel' }).click()
      await expect(tools.result).toContainText('Cancelled')
      await tools.permit('Deny')
      await expectAccessible(page, 'cancelled and denied')
      await page.getByRole('link', { name: 'Activity' }).first().click()
      await tools.jobs.getByRole('link').first().click()
      await expect(page.getByText('Asked by')).toBeVisible()
      await expectAccessible(page, 'activity')
      await page.getByRole('link', { name: 'MCP servers' }).click()
      await page.getByRole('button', { name: 'Add a server' }).click()
      await page.getByRole('button', { name: 'Add a variable' }).click()
      await expectAccessible(page, 'a new server')
    })
  })
}
