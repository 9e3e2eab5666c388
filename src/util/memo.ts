/** Answers of a pure function that is asked the same again and again: kept up to a number, then all forgotten at once. */
export function memo<Answer>(most: number, answer: (question: string) => Answer): (question: string) => Answer {
  const known = new Map<string, Answer>()
  return (question) => {
    const before = known.get(question)
    if (before !== undefined) return before
    const made = answer(question)
    if (known.size >= most) known.clear()
    known.set(question, made)
    return made
  }
}
