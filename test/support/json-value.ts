// What JSON can say and both formats keep: "__proto__" as a key is dropped or renamed on purpose by those who
// parse, and -0 is not kept by JSON.
import fc from "fast-check";

export const jsonValue = fc
  .jsonValue()
  .filter((value) => !JSON.stringify(value).includes("__proto__"))
  .map((value) => JSON.parse(JSON.stringify(value)) as unknown);
