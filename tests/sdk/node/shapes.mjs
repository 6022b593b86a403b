// What the SDK promises of each answer: its TypeScript declarations, read as data.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

// Members that are not in MX's OpenAPI file, of which the SDK is made (docs/discrepancies.md).
const BEYOND = new Set(["error", "credit_card_product_guid", "budgets"]);

// Members that are not always there: what `includes` adds, what a challenge has by its type, challenges while there are any.
const SOMETIMES = new Set([
  "classification", "geolocation", "merchant", "repeating_transaction", "image_data", "image_options", "options", "challenges",
]);

const text = readFileSync(createRequire(import.meta.url).resolve("mx-platform-node").replace("index.js", "api.d.ts"), "utf8");

const interfaces = {};
for (const [, name, body] of text.matchAll(/^export interface (\w+) {\n(.*?)^}/gms)) {
  interfaces[name] = Object.fromEntries([...body.matchAll(/^    '(\w+)'\??: (.+);$/gm)].map(([, key, type]) => [key, type]));
}

const enums = {};
for (const [, name, body] of text.matchAll(/^export declare const (\w+): {\n((?: +readonly .*\n)+)};/gm)) {
  enums[name] = [...body.matchAll(/: "(.*)";/g)].map(([, value]) => value);
}

/** API class -> operation -> the type of its answer. */
export const operations = {};
for (const [, name, body] of text.matchAll(/^export declare class (\w+Api) extends BaseAPI {\n(.*?)^}/gms)) {
  const promised = body.matchAll(/^    (\w+)\(.*AxiosResponse<(\w+), any/gm);
  operations[name] = Object.fromEntries([...promised].map(([, operation, type]) => [operation, type]));
}

/** What is wrong with a value of a declared type: lines of text, none when it is as promised. */
export function problems(type, value, path = "") {
  const [kind, ...more] = type.split(" | ");
  const wrong = [`${path}: ${JSON.stringify(value)} is no ${type}`];
  if (kind === "any" || (value === null && more.includes("null"))) return [];
  if (kind === "void") return value === "" ? [] : wrong;
  if (kind.startsWith("Array<")) {
    return Array.isArray(value) ? value.flatMap((each, at) => problems(kind.slice(6, -1), each, `${path}[${at}]`)) : wrong;
  }
  if (kind in enums) return enums[kind].includes(value) ? [] : wrong;
  if (!(kind in interfaces)) return typeof value === kind ? [] : wrong;
  if (value === null || typeof value !== "object" || Array.isArray(value)) return wrong;
  const declared = interfaces[kind];
  const unknown = Object.keys(value).filter((key) => !(key in declared) && !BEYOND.has(key));
  const missing = Object.keys(declared).filter((key) => !(key in value) && !SOMETIMES.has(key));
  return [
    ...unknown.map((key) => `${path}.${key}: ${kind} knows no such member`),
    ...missing.map((key) => `${path}.${key}: missing of ${kind}`),
    ...Object.keys(declared).flatMap((key) => (key in value ? problems(declared[key], value[key], `${path}.${key}`) : [])),
  ];
}
