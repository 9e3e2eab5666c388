// `npm run interop`: the matrix of scenarios and peers.
import '../support/typescript.mjs'

const { main } = await import('./main.ts')
process.exitCode = await main(process.argv.slice(2))
