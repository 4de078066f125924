import { binary, pulledModel } from './server'

/** Before all tests: what they need is there, or is named once. */
export default function setup(): void {
  binary()
  if (pulledModel() === undefined) {
    console.warn(
      'The embedded model is not in the cache: its tests are SKIPPED. `weir model pull` fetches it.',
    )
  }
}
