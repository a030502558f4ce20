/** What no message can carry. */
export function circle(): Record<string, unknown> {
  const around: Record<string, unknown> = {};
  around["self"] = around;
  return around;
}
