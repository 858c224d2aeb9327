/** A Prometheus histogram by label set; observing is a few additions, and nothing is loaded until it is read. */
export type Histogram = {
  /** `labels` as the exposition writes them, such as `method="GET",status="200"`; values are in the unit of the name. */
  observe(labels: string, value: number): void
  /** The exposition text (https://prometheus.io/docs/instrumenting/exposition_formats/). */
  text(): string
}

type Series = { readonly counts: number[]; sum: number; count: number }

/** `buckets` are upper bounds, ascending; +Inf is added. */
export function histogram(name: string, help: string, buckets: readonly number[]): Histogram {
  const all = new Map<string, Series>()

  return {
    observe(labels, value) {
      let series = all.get(labels)
      if (!series) {
        series = { counts: buckets.map(() => 0), sum: 0, count: 0 }
        all.set(labels, series)
      }
      series.sum += value
      series.count++
      for (let i = 0; i < buckets.length; i++) {
        if (value <= (buckets[i] as number)) {
          series.counts[i] = (series.counts[i] as number) + 1
          break
        }
      }
    },

    text() {
      const lines = [`# HELP ${name} ${help}`, `# TYPE ${name} histogram`]
      for (const [labels, { counts, sum, count }] of all) {
        let below = 0
        const bucket = (le: string, value: number) =>
          lines.push(`${name}_bucket{${labels && `${labels},`}le="${le}"} ${value}`)
        buckets.forEach((le, i) => {
          below += counts[i] as number
          bucket(String(le), below)
        })
        bucket('+Inf', count)
        lines.push(
          `${name}_sum${labels && `{${labels}}`} ${sum}`,
          `${name}_count${labels && `{${labels}}`} ${count}`,
        )
      }
      return `${lines.join('\n')}\n`
    },
  }
}
