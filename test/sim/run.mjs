// `npm run simulate -- --instances N --schedules K --seed S`: many schedules, what they did, and whether all held.
import '../support/typescript.mjs'

const { main } = await import('./main.ts')
process.exitCode = await main(process.argv.slice(2))
