// Moments for people, in local time.

/** Local time with milliseconds. */
export function timeOf(at: Date): string {
  const two = (value: number, width = 2) => String(value).padStart(width, "0");
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${two(at.getMilliseconds(), 3)}`;
}

/** Day and time, to the second. */
export function dateOf(at: Date): string {
  return `${at.getFullYear()}-${String(at.getMonth() + 1).padStart(2, "0")}-${String(at.getDate()).padStart(2, "0")} ${timeOf(at).slice(0, 8)}`;
}
