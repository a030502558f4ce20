// Lets something happen at the moment before this process stores a message.
import type { TestContext } from "node:test";
import { Publisher } from "../../bus/streams/publisher.js";

type Publish = (
  this: Publisher,
  ...args: Parameters<Publisher["publish"]>
) => string;

/** Does this before the next message is sent to the server whose subject has this part. */
export function beforeMessage(
  t: TestContext,
  part: string,
  first: () => Promise<unknown>,
): void {
  const { value } = Object.getOwnPropertyDescriptor(
    Publisher.prototype,
    "publish",
  )!;
  const publish = value as Publish;
  const restore = () => void (Publisher.prototype.publish = publish);
  t.after(restore);
  Publisher.prototype.publish = function (subject, ...more) {
    if (!subject.includes(part)) return publish.call(this, subject, ...more);
    restore();
    void first().then(() => publish.call(this, subject, ...more));
    return "";
  };
}
