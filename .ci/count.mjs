// Prints "PASSED FAILED" for one run of jest: node .ci/count.mjs REPORT EXIT_CODE. A run without a report, one that ran
// nothing, and one that ended badly without a failed test count as one failure; so does every file that did not load.
import { readFileSync } from 'node:fs'

const [report = '', exitCode = ''] = process.argv.slice(2)

function count() {
  let run
  try {
    run = JSON.parse(readFileSync(report, 'utf8'))
  } catch {
    return [0, 1]
  }
  const failed = run.numFailedTests + run.numRuntimeErrorTestSuites
  const silent = failed === 0 && (run.numPassedTests === 0 || exitCode !== '0')
  return [run.numPassedTests, silent ? 1 : failed]
}

console.log(count().join(' '))
