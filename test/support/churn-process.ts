// Puts 50,000 things of some 800 bytes into a table and takes each out soon after; prints how much larger the space of
// old things has become. The table was made old first, as it is in a process that has run for a while.
import { getHeapSpaceStatistics } from "node:v8";
import { SlotMap } from "../../bus/streams/slots.js";

interface Table {
  set(name: string, item: object): unknown;
  delete(name: string): unknown;
}

const collect = (globalThis as { gc?: () => void }).gc!;
const table: Table =
  process.argv[2] === "map" ? new Map<string, object>() : new SlotMap();
const inFlight = 500;
const total = 50_000;

churn(0, 2 * inFlight);
collect();
const before = oldBytes();
churn(2 * inFlight, total);
console.log(String(oldBytes() - before));

function churn(from: number, to: number): void {
  for (let at = from; at < to; at++) {
    table.set(String(at), { filler: Array.from({ length: 100 }, () => at) });
    if (at >= inFlight) table.delete(String(at - inFlight));
  }
}

function oldBytes(): number {
  return getHeapSpaceStatistics()
    .filter(({ space_name: name }) => name === "old_space")
    .reduce((sum, { space_used_size: bytes }) => sum + bytes, 0);
}
