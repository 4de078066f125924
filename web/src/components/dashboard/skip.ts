/** Where the first Tab on the dashboard leads. */
export const SKIP = { target: 'main', label: 'Skip to the figures' }
