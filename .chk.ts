import { mutants } from "./tests/mutants/mutants.js"; import { rules } from "./tests/mutants/rules.js"; import { checkAnchors } from "./tests/mutants/patch.js";
for (const m of [...mutants, ...rules]) { try { checkAnchors(m.patches); } catch (e) { console.log(m.name, (e as Error).message); } } console.log(mutants.length, rules.length);
