/** The documents speak of files that exist, and of all of them. */
import assert from "node:assert/strict";
import { ROOT } from "../support/program.ts";

function filesBelow(dir: string): string[] {
  return [...Deno.readDirSync(`${ROOT}${dir}`)].flatMap(({ name, isDirectory }) =>
    isDirectory ? filesBelow(`${dir}/${name}`) : [`${dir}/${name}`]
  );
}

Deno.test("docs/architecture.md lists every file of src/, and no other", () => {
  const text = Deno.readTextFileSync(`${ROOT}docs/architecture.md`);
  const list = /## 2\..*?```\n(.*?)```/s.exec(text)![1]!;
  const listed = [...list.matchAll(/^(\S+\.ts) +\S/gm)].map((m) => m[1]!);
  const isListed = (file: string) =>
    file.endsWith(".ts") && !file.endsWith("_test.ts") && !file.endsWith("/mod.ts") &&
    !file.includes("/assembly/");
  const actual = filesBelow("src").filter(isListed).map((file) => file.slice("src/".length));
  assert.deepEqual(listed.toSorted(), actual.toSorted());
});

Deno.test("README.md names files and tasks that exist", () => {
  const text = Deno.readTextFileSync(`${ROOT}README.md`);
  const paths = [...text.matchAll(/`((?:src|docs|tests|scripts)\/[\w./-]*)`/g)].map((m) => m[1]!);
  assert.ok(paths.length > 10);
  for (const path of paths) Deno.statSync(`${ROOT}${path}`);
  const { tasks } = JSON.parse(Deno.readTextFileSync(`${ROOT}deno.json`));
  const named = [...text.matchAll(/deno(?:@[\d.]+)? task (\w+)/g)].map((m) => m[1]!);
  assert.ok(named.length > 3);
  for (const task of named) assert.ok(task in tasks, task);
});
