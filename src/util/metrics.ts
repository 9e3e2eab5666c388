/** Numbers about the running process for those who watch it, in the text format of Prometheus (exposition format 0.0.4). */

export type Labels = Readonly<Record<string, string>>

export interface Sample {
  readonly labels?: Labels
  readonly value: number
}

/** Read whenever somebody asks. */
export type Reading = () => number | readonly Sample[] | Promise<number | readonly Sample[]>

interface Family {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge'
  readonly read: Reading
}

/** Distinct sets of labels of one counter; more are counted as one whose labels are all `other`, so that no stranger fills the memory. */
const mostSeries = 500

export class Counter {
  readonly #series = new Map<string, { readonly labels: Labels; value: number }>()

  inc(labels: Labels = {}, by = 1): void {
    const key = Object.values(labels).join('\n')
    let series = this.#series.get(key)
    if (series === undefined && this.#series.size >= mostSeries) {
      const other = Object.fromEntries(Object.keys(labels).map((name) => [name, 'other']))
      if (Object.values(labels).some((value) => value !== 'other')) return this.inc(other, by)
    }
    if (series === undefined) {
      series = { labels, value: 0 }
      this.#series.set(key, series)
    }
    series.value += by
  }

  get samples(): readonly Sample[] {
    return [...this.#series.values()]
  }
}

export class Metrics {
  readonly #families: Family[] = []

  /** `name` ends in `_total`. */
  counter(name: string, help: string): Counter {
    const counter = new Counter()
    this.#add({ name, help, type: 'counter', read: () => counter.samples })
    return counter
  }

  gauge(name: string, help: string, read: Reading): void {
    this.#add({ name, help, type: 'gauge', read })
  }

  /** What grows only, and is counted elsewhere. */
  counted(name: string, help: string, read: Reading): void {
    this.#add({ name, help, type: 'counter', read })
  }

  /** Rejects with what a reading rejects with. */
  async render(): Promise<string> {
    const texts = await Promise.all(
      this.#families.map(async ({ name, help, type, read }) => {
        const told = await read()
        const samples: readonly Sample[] = typeof told === 'number' ? [{ value: told }] : told
        const lines = samples.map(({ labels = {}, value }) => `${name}${spelt(labels)} ${value}\n`)
        return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`
      }),
    )
    return texts.join('')
  }

  #add(family: Family): void {
    if (this.#families.some(({ name }) => name === family.name)) throw new Error(`two metrics ${family.name}`)
    this.#families.push(family)
  }
}

function spelt(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

const escaped = (value: string): string => value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
