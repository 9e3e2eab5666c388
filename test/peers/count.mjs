// A reporter for jest: at the end, how many tests each peer has passed, as a file of tests is one peer.
import { basename } from 'node:path'

export default class Count {
  onRunComplete(_contexts, { testResults }) {
    for (const { testFilePath, numPassingTests, numFailingTests, numPendingTests, testExecError } of testResults) {
      const failed = numFailingTests + (testExecError && numFailingTests === 0 ? 1 : 0)
      const skipped = numPendingTests > 0 ? `, ${numPendingTests} skipped` : ''
      process.stderr.write(
        `${basename(testFilePath, '.test.ts')}: ${numPassingTests} passed, ${failed} failed${skipped}\n`,
      )
    }
  }
}
