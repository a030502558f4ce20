// Whether it was for want of a permission that something failed. Its error arrives wrapped, by the client as well as by
// us, and every wrapping keeps its text: that tells.
import { messageOf } from "../../protocol/errors.js";

export function isDenied(error: unknown): boolean {
  return /permissions violation/i.test(messageOf(error));
}
