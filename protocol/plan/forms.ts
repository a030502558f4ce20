// Values of which it can be said by their form what they may become, for the JSON Schema of plans: what is written out
// must be of the kind that is wanted, and a reference may lead to anything.
import { z } from "zod";

const optional = z.unknown().optional();
const references = [
  z.strictObject({ ref: z.string(), default: optional }),
  z.strictObject({ param: z.string(), default: optional }),
] as const;

export const list = z
  .union([
    z.array(z.unknown()),
    ...references,
    z.strictObject({ literal: z.array(z.unknown()) }),
  ])
  .meta({ id: "listValue" });

const number = z
  .union([z.number(), ...references, z.strictObject({ literal: z.number() })])
  .meta({ id: "numberValue" });

const text = z
  .union([
    z.string(),
    ...references,
    z.strictObject({ template: z.string() }),
    z.strictObject({ literal: z.string() }),
  ])
  .meta({ id: "textValue" });

/** By gt and its like. */
export const compared = z
  .union([z.tuple([number, number]), z.tuple([text, text])])
  .meta({ id: "twoValues" });
