// How full the streams and buckets of a namespace are, where they have limits, and the server's store.
import type { StreamInfo } from "@nats-io/jetstream";
import type { Link } from "../connection/connection.js";

export interface StreamUse {
  /** "JetStream" for all that this account may store. */
  stream: string;
  of: "messages" | "bytes";
  used: number;
  limit: number;
}

/** Without those that have no limit. */
export async function streamUses(link: Link): Promise<StreamUse[]> {
  const uses: StreamUse[] = [];
  const { namespace } = link.subjects;
  for await (const info of link.jsm.streams.list())
    if (/^(KV_)?(.*)$/.exec(info.config.name)![2]!.startsWith(`${namespace}_`))
      uses.push(...usesOf(info));
  const { storage, limits } = await link.jsm.getAccountInfo();
  const stored = { used: storage, limit: limits.max_storage };
  uses.push({ stream: "JetStream", of: "bytes", ...stored });
  return uses.filter(({ limit }) => limit > 0);
}

function usesOf({ config, state }: StreamInfo): StreamUse[] {
  const { name: stream, max_msgs, max_bytes } = config;
  return [
    { stream, of: "messages", used: state.messages, limit: max_msgs },
    { stream, of: "bytes", used: state.bytes, limit: max_bytes },
  ];
}
