// Preloaded into a process whose clock is to differ by $CLOCK_SHIFT_MS from that of its machine: what the time is, and
// when it was as the process began.
const shiftMs = Number(process.env["CLOCK_SHIFT_MS"]);
const Right = Date;

globalThis.Date = new Proxy(Right, {
  construct: (target, args: unknown[]) =>
    args.length === 0
      ? new target(Right.now() + shiftMs)
      : (Reflect.construct(target, args) as Date),
  get: (target, name, receiver) =>
    name === "now"
      ? () => Right.now() + shiftMs
      : (Reflect.get(target, name, receiver) as unknown),
});

Object.defineProperty(performance, "timeOrigin", {
  value: performance.timeOrigin + shiftMs,
});
