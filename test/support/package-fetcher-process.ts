// Fetches the distribution's nats-server into the folder it is given, as the user it was started as.
import { fetchPackage } from "../../bus/server/distribution.js";
import { versionOf } from "../../bus/server/version.js";

const [folder = ""] = process.argv.slice(2);
const path = await fetchPackage(folder, (line) => console.error(line));
const uid = process.getuid?.();
console.log(JSON.stringify({ uid, path, version: await versionOf(path) }));
