// Where the splits of agents are kept: `lanes.{agent}` in the settings bucket.
import { laneSetting, type LaneSetting } from "../../protocol/lanes.js";
import type { SettingKind } from "../buckets/settings.js";

export const laneSettings: SettingKind<LaneSetting> = {
  kind: "lanes",
  schema: laneSetting,
  unset: { earlier: [] },
};
