// Moments for people, in local time.

/** Local time with milliseconds. */
export function timeOf(at: Date): string {
  const two = (value: number, width = 2) => String(value).padStart(width, "0");
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${two(at.getMilliseconds(), 3)}`;
}

/** With the zone of this machine: of what comes by the clock of another it may be another day. */
export function zonedDateOf(at: Date): string {
  const minutes = -at.getTimezoneOffset();
  if (minutes === 0) return `${dateOf(at)} UTC`;
  const two = (value: number) => String(Math.floor(value)).padStart(2, "0");
  const sign = minutes < 0 ? "-" : "+";
  const size = Math.abs(minutes);
  return `${dateOf(at)} UTC${sign}${two(size / 60)}:${two(size % 60)}`;
}

/** Day and time, to the second. */
export function dateOf(at: Date): string {
  return `${at.getFullYear()}-${String(at.getMonth() + 1).padStart(2, "0")}-${String(at.getDate()).padStart(2, "0")} ${timeOf(at).slice(0, 8)}`;
}
