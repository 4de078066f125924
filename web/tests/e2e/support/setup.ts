import { programs } from './programs'
import { binary, pulledModel } from './server'
import { services } from './services'

/** Before all tests: what they need is there, or is named once. */
export default function setup(): void {
  binary()
  if (pulledModel() === undefined) {
    console.warn(
      'The embedded model is not in the cache: its tests are SKIPPED. `weir model pull` fetches it.',
    )
  }
  if (services() === undefined) {
    console.warn(
      'PostgreSQL, Redis and nginx are not named: the tests with two servers are SKIPPED. ' +
        '`cargo xtask services` starts them.',
    )
  }
  if (programs() === undefined) {
    console.warn(
      'WEIR_TEST_PROGRAMS is not set: the tests with an MCP server of others are SKIPPED. ' +
        '`cargo xtask test --only e2e` installs it and sets that.',
    )
  }
}
