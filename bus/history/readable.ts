// Anyone with the permission may write to the log: what is no event must not stop who reads (R7).
import { messageOf } from "../../protocol/errors.js";
import type { Link } from "../connection/connection.js";

/** What `parse` makes of a message; where it throws, the log says so, and the message is passed over. */
export function readable<Event>(
  link: Link,
  { subject, sequence }: { subject: string; sequence: number },
  parse: () => Event,
): Event | undefined {
  try {
    return parse();
  } catch (error) {
    link.log.warn(
      { error: messageOf(error), subject, sequence },
      "an event that cannot be read was passed over",
    );
    return undefined;
  }
}
