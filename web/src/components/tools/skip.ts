/** Where the first Tab on the page of tools leads. */
export const SKIP = { target: 'main', label: 'Skip to the content' }
