// Parses texts in M, a JSON list on standard input, with Microsoft's own parser; prints a list with null or what is wrong.
import { createRequire } from "node:module";
import { text } from "node:stream/consumers";

const { DefaultSettings, TaskUtils } = createRequire(import.meta.url)("@microsoft/powerquery-parser");
const found = [];
for (const source of JSON.parse(await text(process.stdin))) {
  const task = await TaskUtils.tryLexParse(DefaultSettings, source);
  found.push(TaskUtils.isParseStageOk(task) ? null : String(task.error?.message ?? task.error));
}
console.log(JSON.stringify(found));
