/** The check of an option that is a whole number. */
export const between =
  (least: number, most: number) =>
  (value: unknown): string | undefined =>
    typeof value === 'number' && value >= least && value <= most ? undefined : `be a number from ${least} to ${most}`
