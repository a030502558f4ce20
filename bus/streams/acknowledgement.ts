// What JetStream answers to a publish: where it is stored, or why not.
import { TroupeError } from "../../protocol/errors.js";

export interface Stored {
  stream: string;
  sequence: number;
  /** The server had this message id already, or the queue a message on its subject. */
  duplicate: boolean;
}

export class AckError {
  readonly code: number;
  readonly description: string;

  constructor(code: number, description: string) {
    this.code = code;
    this.description = description;
  }

  /** 10008: JetStream is starting or without a leader; 10009 and 10074: no quorum yet. */
  get notReady(): boolean {
    return this.code === 10008 || this.code === 10009 || this.code === 10074;
  }

  /** A queue holds a message on this subject, and longer than the server remembers message ids. */
  get alreadyThere(): boolean {
    return this.code === 10077 && /per subject/.test(this.description);
  }

  toTroupeError(subject: string): TroupeError {
    if (this.code === 10071 || this.code === 10164) {
      return new TroupeError(
        "CONFLICT",
        `another message was stored first on "${subject}": ${this.description}`,
      );
    }
    if (
      this.code === 10077 ||
      this.code === 10047 ||
      this.code === 10023 ||
      this.code === 10122
    ) {
      return new TroupeError(
        "STREAM_FULL",
        `the server cannot store a message on "${subject}": ${this.description}. Raise the limit, or let workers catch up`,
        { data: { description: this.description } },
      );
    }
    return new TroupeError(
      "BUS_FAILED",
      `the server refused a message on "${subject}": ${this.description} (${this.code})`,
    );
  }
}

/** `{"stream":"NAME", "seq":N}`, with `"duplicate": true` where it is one, in nearly all cases. */
const plainAck = /^\{"stream":"([^"]+)", ?"seq":(\d+)\}$/;

interface AckBody {
  stream: string;
  seq: number;
  duplicate?: boolean;
  error?: { err_code?: number; code: number; description: string };
}

export function parseAck(data: Uint8Array): Stored | AckError {
  const text = decoder.decode(data);
  const plain = plainAck.exec(text);
  if (plain)
    return { stream: plain[1]!, sequence: Number(plain[2]), duplicate: false };
  const answer = parseJson(text);
  if (answer === undefined)
    return new AckError(
      0,
      `"${text.slice(0, 64)}" is no answer of JetStream: somebody else answers on this subject, or no stream has it`,
    );
  if (answer.error)
    return new AckError(
      answer.error.err_code ?? answer.error.code,
      answer.error.description,
    );
  return {
    stream: answer.stream,
    sequence: answer.seq,
    duplicate: answer.duplicate === true,
  };
}

/** Anyone may answer, and what throws in a subscription's callback ends the connection. */
function parseJson(text: string): AckBody | undefined {
  try {
    const answer = JSON.parse(text) as Partial<AckBody> | null;
    return answer?.error || typeof answer?.seq === "number"
      ? (answer as AckBody)
      : undefined;
  } catch {
    return undefined;
  }
}

const firstOfSuccess = '{"stream"'.charCodeAt(2);

/** Whether the server has stored the message that this answers; told without reading all of it. */
export function saysStored(acknowledgement: Uint8Array): boolean {
  return acknowledgement[2] === firstOfSuccess; // what went wrong would stand first: {"error"
}

const decoder = new TextDecoder("latin1");
