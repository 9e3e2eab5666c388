// jest's environment for a run without a module: only the dialogues that are to turn red are played, each until it has.
import { readFileSync } from 'node:fs'
import { TestEnvironment } from 'jest-environment-node'

const fullTitle = (test) => (test.parent === undefined ? '' : `${fullTitle(test.parent)} ${test.name}`)

export default class UntilRed extends TestEnvironment {
  #green

  constructor(config, context) {
    super(config, context)
    const dialogues = JSON.parse(readFileSync(process.env.DMUCD_CHECK_DIALOGUES, 'utf8'))
    this.#green = dialogues.filter(({ file }) => context.testPath.endsWith(`/test/${file}`)).map(({ title }) => title)
  }

  handleTestEvent(event) {
    if (event.name === 'test_start' && !this.#green.some((title) => fullTitle(event.test).includes(title)))
      event.test.mode = 'skip'
    if (event.name === 'test_done' && event.test.errors.length > 0)
      this.#green = this.#green.filter((title) => !fullTitle(event.test).includes(title))
  }
}
