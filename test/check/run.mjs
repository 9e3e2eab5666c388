// `npm run check:xeps`: what is declared of XEPs is shown by tests that ran, and by tests that need the module that declares it.
import '../support/typescript.mjs'

const { main } = await import('./main.ts')
process.exitCode = await main(process.argv.slice(2))
